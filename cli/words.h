#pragma once
// Words: what a verb reads from the command line. CLI11 does the work behind these names and is included where they are
// defined, not by every verb: its header alone takes a compiler five seconds.
#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mayfly::cli {

/// Option is a flag or a word as it was declared; a copy means the same one. Each function returns it again.
class Option {
public:
    explicit Option(CLI::Option* option) : option_(option) {}
    Option required() const;
    Option one_of(std::vector<std::string> words) const;
    Option between(std::int64_t least, std::int64_t most) const;
    Option not_negative() const;
    Option once() const;           ///< a list of exactly one
    Option one_at_a_time() const;  ///< a list whose option takes one value and is repeated for the next
    Option shows_default() const;  ///< in the help
    Option excludes(Option other) const;
    Option needs(Option other) const;

private:
    CLI::Option* option_;
};

/// Verb is a verb, or a word that verbs follow ("ssh agent"); a copy means the same one.
class Verb {
public:
    explicit Verb(CLI::App* app) : app_(app) {}
    /// A word or "--option VALUE" that is read into `value`, which outlives the parsing. For the types that words.cpp
    /// names; a list takes all that are given.
    template <class T>
    Option add_option(const std::string& name, T& value, const std::string& help) const;
    /// "--flag", true when it is given.
    Option add_flag(const std::string& name, bool& value, const std::string& help) const;
    /// Another word after this one, which is not complete without a verb of its own.
    [[nodiscard]] Verb group(const std::string& name, const std::string& help) const;
    /// The word after this one that was added before under that name.
    [[nodiscard]] Verb find(const std::string& name) const;
    /// Whether the command line gave this option of this very verb.
    [[nodiscard]] bool given(const std::string& name) const;
    [[nodiscard]] CLI::App* app() const { return app_; }

private:
    CLI::App* app_;
};

}  // namespace mayfly::cli
