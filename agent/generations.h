#pragma once
// Generations: the folders under trust_dir, and the two links that say which one sshd reads and which one is proven.
#include <string>

#include "agent/plan.h"

namespace mayfly::agent {

inline constexpr const char* kCurrent = "current";
inline constexpr const char* kProven = "proven";

/// "gen-7", or "" when the link is not there or points anywhere but at a generation.
std::string link_now(const Config& config, const char* link);
/// point renames the link over and flushes the folder; "" removes it.
Status point(const Config& config, const char* link, const std::string& generation);

/// write_generation writes the set and its drop-in into a folder of its own, flushed.
Status write_generation(const Config& config, const std::string& name, const TrustSet& set, const std::string& drop_in);
Result<TrustSet> read_generation(const Config& config, const std::string& name);
/// The drop-in that was written with it; "" when there is none.
std::string drop_in_of(const Config& config, const std::string& name);
/// is_as_written compares with the hash that was kept in state_dir when the generation was written. True when there is
/// none to compare with.
bool is_as_written(const Config& config, const std::string& name, const TrustSet& set);
/// forget_all_but removes the other generations.
void forget_all_but(const Config& config, const std::vector<std::string>& kept);

}  // namespace mayfly::agent
