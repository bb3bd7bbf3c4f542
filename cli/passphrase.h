#pragma once
// Passphrases of people: from a file, a descriptor or the terminal, never from the command line or the environment.
#include <map>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "mayfly/bytes.h"

namespace mayfly::cli {

/// Where each person's passphrase comes from. A person who is not named is asked at the terminal.
struct PassphraseFlags {
    std::vector<std::string> files;        ///< NAME=FILE
    std::vector<std::string> descriptors;  ///< NAME=N
    void add_to(Verb verb);
};

enum class Asked { once, twice };

/// passphrase_of reads one person's passphrase. Asked::twice is for a new one, which has a least length too.
Result<Secret> passphrase_of(const std::string& person, const PassphraseFlags& flags, const Globals& globals,
                             Asked asked);

}  // namespace mayfly::cli
