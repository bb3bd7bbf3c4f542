#pragma once
// To whom a verb hands files with a private key.
#include "lib/files/hand_over.h"

namespace mayfly::cli {

using files::HandOver;
using files::parse_hand_over;

}  // namespace mayfly::cli
