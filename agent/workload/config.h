#pragma once
// Workload: what one file of workload.d says: for which workload this node asks, where the files go, and what reads
// them.
#include <string>
#include <utility>
#include <vector>

#include "lib/files/hand_over.h"
#include "lib/renewal/install.h"
#include "lib/renewal/wish.h"
#include "mayfly/names.h"

namespace mayfly::agent {

/// FileNames are what the files are called in their folder; "" for one that is not wanted.
struct FileNames {
    std::string key = "key.pem", certificate = "cert.pem", chain = "fullchain.pem", bundle = "ca.pem", combined{};
};

struct Workload {
    std::string name;  ///< of the file, without .toml
    IdentityName identity;
    renewal::Wish wish;
    std::string folder;
    FileNames files{};
    files::HandOver hand_over{};
    renewal::Service service{};
};

/// read_workload reads the text of one file. malformed (E-CONFIG) with line and column, and "did you mean".
Result<Workload> read_workload(const std::string& name, std::string_view toml);

/// LoadedWorkloads is a folder of such files: those that can be used, and what is wrong with the others.
struct LoadedWorkloads {
    std::vector<Workload> workloads;
    std::vector<std::pair<std::string, Error>> broken;  ///< by file name
};
/// load_workloads reads every *.toml of the folder, in order of their names; a folder that is not there is empty. A
/// file that others than its owner may write, or that belongs to neither root nor us, is refused (E-WORKLOAD-FILE): it
/// names programs that we run. Two workloads never share a folder.
LoadedWorkloads load_workloads(const std::string& folder);

}  // namespace mayfly::agent
