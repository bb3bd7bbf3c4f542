#pragma once
// To whom files with a private key are handed: their mode, and their owner where root runs the program.
#include <string>

#include "lib/files/files.h"
#include "mayfly/result.h"

namespace mayfly::files {

struct HandOver {
    mode_t secret_mode = 0600;
    Ownership owner;
    /// A folder that is made for them is closed to whom they are closed to.
    [[nodiscard]] mode_t folder_mode() const { return (secret_mode & 040) != 0 ? 0750 : 0700; }
};

/// parse_hand_over reads "0640" and "USER[:GROUP]" or ":GROUP", names or numbers; "" leaves what is usual. It refuses
/// modes that let others read (E-FILE-MODE), and owners that this process could not set (E-FILE-OWNER), so that nothing
/// is minted that could not be handed over.
Result<HandOver> parse_hand_over(const std::string& mode, const std::string& owner);

/// make_folder makes a folder of mode 0700, or as it is to be handed over; one that is there keeps its mode and owner,
/// for it is somebody's.
Status make_folder(const std::string& path, const HandOver& hand_over = {});

}  // namespace mayfly::files
