#include "cli/words.h"

#include <CLI/CLI.hpp>

namespace mayfly::cli {

Option Option::required() const { return Option(option_->required()); }
Option Option::one_of(std::vector<std::string> words) const {
    return Option(option_->check(CLI::IsMember(std::move(words))));
}
Option Option::between(std::int64_t least, std::int64_t most) const {
    return Option(option_->check(CLI::Range(least, most)));
}
Option Option::not_negative() const { return Option(option_->check(CLI::NonNegativeNumber)); }
Option Option::once() const { return Option(option_->expected(1)); }
Option Option::one_at_a_time() const { return Option(option_->allow_extra_args(false)); }
Option Option::shows_default() const { return Option(option_->capture_default_str()); }
Option Option::excludes(Option other) const {
    option_->excludes(other.option_);
    return *this;
}
Option Option::needs(Option other) const {
    option_->needs(other.option_);
    return *this;
}

template <class T>
Option Verb::add_option(const std::string& name, T& value, const std::string& help) const {
    return Option(app_->add_option(name, value, help));
}
template Option Verb::add_option(const std::string&, std::string&, const std::string&) const;
template Option Verb::add_option(const std::string&, std::vector<std::string>&, const std::string&) const;
template Option Verb::add_option(const std::string&, std::int64_t&, const std::string&) const;
template Option Verb::add_option(const std::string&, int&, const std::string&) const;
template Option Verb::add_option(const std::string&, unsigned&, const std::string&) const;
template Option Verb::add_option(const std::string&, std::uint64_t&, const std::string&) const;

Option Verb::add_flag(const std::string& name, bool& value, const std::string& help) const {
    return Option(app_->add_flag(name, value, help));
}

Verb Verb::find(const std::string& name) const { return Verb(app_->get_subcommand(name)); }
bool Verb::given(const std::string& name) const { return app_->get_option(name)->count() > 0; }

Verb Verb::group(const std::string& name, const std::string& help) const {
    auto* made = app_->add_subcommand(name, help)->require_subcommand(1);
    made->fallthrough();
    return Verb(made);
}

}  // namespace mayfly::cli
