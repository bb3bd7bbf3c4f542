#pragma once
// Rest: what a round took of memory is given back before the long wait.

namespace mayfly::agent {

/// give_back trims the heap, and lets go of the pages of programs and libraries that the round ran through: nobody
/// changed them, the kernel has them, and a round that wants them again finds them there. An agent that waits for a
/// minute keeps no machine from using its memory.
void give_back();

}  // namespace mayfly::agent
