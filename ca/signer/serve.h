#pragma once
// The signer's life after its start: answer frames until the socket closes.
#include "ca/signer/core.h"

namespace mayfly::signer {

/// serve returns when the CA closes its ends (success), or fails at the first frame that is not one of the table: a CA
/// that sends such a frame is broken or conquered, and the signer ends. A checkpoint goes before what came earlier, and
/// between two certificates of one frame: a whole commit waits for it.
Status serve(Core& core, Sockets sockets);

/// Options as mayfly-signer gets them on its command line: paths and limits, never a secret.
Result<ChildOptions> parse_arguments(const std::vector<std::string>& arguments, Sockets& sockets);
std::vector<std::string> encode_arguments(const ChildOptions& options, Sockets sockets);

}  // namespace mayfly::signer
