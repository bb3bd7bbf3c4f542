#include "lib/log/witness_policy.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "mayfly/names.h"

namespace mayfly::log {

namespace {

constexpr std::size_t kLargestPolicy = 64 * 1024;
constexpr std::size_t kMostNames = 1000;
constexpr const char* kNone = "none";

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    constexpr std::string_view kSpace = " \t";
    for (;;) {
        const auto start = line.find_first_not_of(kSpace);
        if (start == std::string_view::npos) return out;
        line.remove_prefix(start);
        const auto end = std::min(line.find_first_of(kSpace), line.size());
        out.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

}  // namespace

/// PolicyReader reads a policy line by line.
class PolicyReader {
public:
    Status take(const std::vector<std::string_view>& words) {
        if (words[0] == "log") return take_log(words);
        if (words[0] == "witness") return take_witness(words);
        if (words[0] == "group") return take_group(words);
        if (words[0] == "quorum") return take_quorum(words);
        return refuse("a line starts with log, witness, group or quorum");
    }
    Result<WitnessPolicy> finish() {
        if (policy_.quorum_.empty()) return pass(refuse("there is no quorum line").error());
        return std::move(policy_);
    }

private:
    static Status refuse(std::string why) { return fail(Code::malformed, std::move(why)); }

    Status take_log(const std::vector<std::string_view>& words) {
        if (words.size() < 2 || words.size() > 3) return refuse("it reads: log <vkey> [<url>]");
        auto key = VerifierKey::parse(words[1]);
        if (!key) return pass(key.error());
        policy_.logs_.push_back({std::move(*key), std::string(words.size() == 3 ? words[2] : "")});
        return {};
    }
    Status take_witness(const std::vector<std::string_view>& words) {
        if (words.size() < 3 || words.size() > 4) return refuse("it reads: witness <name> <vkey> [<url>]");
        if (auto ok = define(words[1]); !ok) return ok;
        auto key = WitnessKey::parse(words[2]);
        if (!key) return pass(key.error());
        // Two names for one key would let one witness count twice.
        for (const auto& other : policy_.witnesses_)
            if (other.key == *key || other.key.name() == key->name())
                return refuse("the key of " + key->name() + " stands here already, as " + other.name);
        policy_.witnesses_.push_back(
            {std::string(words[1]), std::move(*key), std::string(words.size() == 4 ? words[3] : "")});
        return {};
    }
    Status take_group(const std::vector<std::string_view>& words) {
        if (words.size() < 4) return refuse("it reads: group <name> all|any|<k> <names>");
        if (auto ok = define(words[1]); !ok) return ok;
        WitnessPolicy::Group group;
        for (std::size_t i = 3; i < words.size(); ++i) {
            const std::string member(words[i]);
            if (member == words[1] || names_.count(member) == 0)
                return refuse("\"" + printable(member) + "\" is not defined above");
            if (!grouped_.insert(member).second) return refuse("\"" + printable(member) + "\" is in two groups");
            group.members.push_back(member);
        }
        if (words[2] == "all") {
            group.need = group.members.size();
        } else if (words[2] == "any") {
            group.need = 1;
        } else {
            const auto [end, error] = std::from_chars(words[2].data(), words[2].data() + words[2].size(), group.need);
            if (error != std::errc{} || end != words[2].data() + words[2].size() || words[2].front() == '0' ||
                group.need > group.members.size())
                return refuse("a group needs all, any, or a number from 1 to the number of its members");
        }
        policy_.groups_.emplace(std::string(words[1]), std::move(group));
        return {};
    }
    Status take_quorum(const std::vector<std::string_view>& words) {
        if (words.size() != 2) return refuse("it reads: quorum <name>|none");
        if (!policy_.quorum_.empty()) return refuse("a second quorum line");
        if (words[1] != kNone && names_.count(std::string(words[1])) == 0)
            return refuse("\"" + printable(words[1]) + "\" is not defined above");
        policy_.quorum_ = std::string(words[1]);
        return {};
    }
    Status define(std::string_view name) {
        if (name == kNone) return refuse("\"none\" is a word of the format");
        if (names_.size() == kMostNames) return refuse("more than 1,000 names");
        if (!names_.insert(std::string(name)).second) return refuse("\"" + printable(name) + "\" is defined twice");
        return {};
    }

    WitnessPolicy policy_;
    std::set<std::string> names_, grouped_;
};

Result<WitnessPolicy> WitnessPolicy::parse(std::string_view text) {
    const auto bad = [](std::size_t line, const std::string& why) {
        return fail(Code::malformed, "witness policy, line " + std::to_string(line) + ": " + why, "E-WITNESS-POLICY",
                    "the form is C2SP tlog-policy: log, witness, group and quorum lines", "mend the file");
    };
    if (text.size() > kLargestPolicy) return bad(0, "it is larger than 64 KiB");
    PolicyReader reader;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        for (const char c : line)
            if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
                return bad(number, "control characters");
        const auto words = words_of(line);
        if (words.empty() || words.front().starts_with('#')) continue;
        if (auto ok = reader.take(words); !ok) return bad(number, ok.error().message);
    }
    auto policy = reader.finish();
    if (!policy) return bad(number, policy.error().message);
    return policy;
}

bool WitnessPolicy::holds(const std::string& name, const std::set<std::string>& names) const {
    const auto group = groups_.find(name);
    if (group == groups_.end()) return names.count(name) != 0;
    const auto held = std::count_if(group->second.members.begin(), group->second.members.end(),
                                    [&](const std::string& member) { return holds(member, names); });
    return static_cast<std::size_t>(held) >= group->second.need;
}

bool WitnessPolicy::satisfied_by(const std::set<std::string>& names) const {
    return quorum_ == kNone || holds(quorum_, names);
}

Result<std::set<std::string>> check_quorum(const Note& note, const WitnessPolicy& policy) {
    std::set<std::string> cosigned;
    for (const auto& witness : policy.witnesses()) {
        const auto at = find_cosignature(note, witness.key);
        if (at) cosigned.insert(witness.name);
        if (!at && at.error().code != Code::not_found) return pass(at.error());
    }
    if (policy.satisfied_by(cosigned)) return cosigned;
    return fail(Code::untrusted,
                "the checkpoint is cosigned by " + std::to_string(cosigned.size()) + " of " +
                    std::to_string(policy.witnesses().size()) + " witnesses, which is no quorum",
                "E-QUORUM", "without it this log may show others another past",
                "fetch a newer proof, or ask a witness");
}

}  // namespace mayfly::log
