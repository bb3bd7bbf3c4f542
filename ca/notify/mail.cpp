// Mail: who is written to, by rule, and one message to each.
#include <algorithm>
#include <array>

#include "ca/notify/carrier.h"
#include "ca/signer/key_files.h"

namespace mayfly::notify {

namespace {

/// Whom an event concerns. What no rule names is mailed to nobody: mail is for what a person should act on or know.
struct Rule {
    std::string_view type;
    bool owner = false;        ///< who answers for what it is about
    bool role_owners = false;  ///< of the role it names
    bool asked = false;        ///< whose decision it waits for
    bool security = false;     ///< as ca.toml says
};
/// The first that fits speaks.
constexpr std::array kRules = {
    Rule{.type = "breakglass.*", .owner = true, .role_owners = true, .security = true},
    Rule{.type = "delegation.*", .owner = true, .role_owners = true},
    Rule{.type = "grant.*", .owner = true, .role_owners = true},
    Rule{.type = "identity.*", .owner = true},
    Rule{.type = "log.*", .security = true},
    Rule{.type = "notify.dead", .security = true},
    Rule{.type = "owner.*", .owner = true, .security = true},
    Rule{.type = "policy.*", .security = true},
    Rule{.type = "request.refused"},
    Rule{.type = "request.word"},
    Rule{.type = "request.*", .owner = true, .asked = true},
    Rule{.type = "review.*", .owner = true, .role_owners = true, .asked = true},
    Rule{.type = "revocation.recorded", .owner = true, .security = true},
    Rule{.type = "session.lost", .owner = true, .role_owners = true, .security = true},
    Rule{.type = "tenant.*", .owner = true, .security = true},
    Rule{.type = "token.*", .owner = true},
    Rule{.type = "workload.trouble", .owner = true, .role_owners = true},
};

const Rule* rule_of(std::string_view type) {
    const auto* found = std::find_if(kRules.begin(), kRules.end(),
                                     [&](const Rule& rule) { return wanted({std::string(rule.type)}, type); });
    return found == kRules.end() ? nullptr : found;
}

std::string text_in(const log::Event& event, const char* name) {
    const auto found = event.data.find(name);
    const auto* text = found == event.data.end() ? nullptr : found->second.string();
    return text == nullptr ? std::string() : *text;
}

class MailCarrier final : public Carrier {
public:
    MailCarrier(Mail mail, std::string log_origin, Directory directory, Egress egress)
        : mail_(std::move(mail)),
          log_origin_(std::move(log_origin)),
          directory_(std::move(directory)),
          egress_(std::move(egress)) {}
    [[nodiscard]] const std::string& target() const override { return name_; }
    [[nodiscard]] const Patience& patience() const override { return mail_.patience; }
    Result<std::vector<std::string>> recipients(const Letter& letter) override;
    Delivery carry(const Letter& letter, const std::string& recipient, Instant now) override;

private:
    Status add(const OwnerName& owner, std::vector<std::string>& out);
    std::vector<OwnerName> members_of(const policy::Party& party);
    std::string name_ = "mail";
    Mail mail_;
    std::string log_origin_;
    Directory directory_;
    Egress egress_;
};

std::vector<OwnerName> MailCarrier::members_of(const policy::Party& party) {
    if (party.kind() == policy::Party::Kind::group) return directory_.members(party.name());
    const auto person = OwnerName::parse(party.name());
    return person ? std::vector{*person} : std::vector<OwnerName>();
}

/// The owner's address; the backup's when the owner is no longer active.
Status MailCarrier::add(const OwnerName& owner, std::vector<std::string>& out) {
    auto found = directory_.find(owner);
    if (found && *found && (*found)->state != policy::State::active && (*found)->backup)
        found = directory_.find(*(*found)->backup);
    if (!found) return pass(found.error());
    if (!*found || !is_mail_address((*found)->email)) return {};
    if (std::find(out.begin(), out.end(), (*found)->email) == out.end()) out.push_back((*found)->email);
    return {};
}

Result<std::vector<std::string>> MailCarrier::recipients(const Letter& letter) {
    std::vector<std::string> out;
    const log::Event& event = letter.event;
    const Rule* rule = rule_of(event.type);
    const bool own_trouble = event.type.starts_with("notify.") && event.subject == "target/mail";
    if (rule == nullptr || own_trouble || !wanted(mail_.events, event.type)) return out;
    std::vector<OwnerName> people;
    if (rule->owner)
        if (const auto owner = OwnerName::parse(event.owner)) people.push_back(*owner);
    if (rule->role_owners)
        for (auto& owner : directory_.role_owners(text_in(event, "role"))) people.push_back(std::move(owner));
    const auto asked = event.data.find("asked");
    if (const auto* list = rule->asked && asked != event.data.end() ? asked->second.array() : nullptr)
        for (const auto& item : *list)
            if (const auto name = OwnerName::parse(item.string() == nullptr ? "" : *item.string()))
                people.push_back(*name);
    if (rule->security)
        for (const auto& party : mail_.security) {
            auto named = members_of(party);
            people.insert(people.end(), named.begin(), named.end());
        }
    for (const auto& person : people)
        if (auto ok = add(person, out); !ok) return pass(ok.error());
    return out;
}

Delivery MailCarrier::carry(const Letter& letter, const std::string& recipient, Instant now) {
    Envelope envelope{mail_.server, mail_.from, recipient, mail_.user, {}, {}};
    if (!mail_.password_file.empty()) {
        const auto file = signer::read_secret_file(mail_.password_file);
        if (!file) return {Delivery::Verdict::later, file.error().message};
        const auto text = text_of(file->reveal());
        envelope.password = Secret(to_bytes(text.substr(0, text.find_first_of("\r\n"))));
    }
    envelope.message = mail_message(letter, log_origin_, mail_.from, recipient, now);
    const auto sent = egress_.mail(envelope);
    if (sent) return {};
    return {sent.error().code == Code::malformed ? Delivery::Verdict::refused : Delivery::Verdict::later,
            sent.error().message};
}

}  // namespace

std::unique_ptr<Carrier> mail_carrier(Mail mail, std::string log_origin, Directory directory, Egress egress) {
    return std::make_unique<MailCarrier>(std::move(mail), std::move(log_origin), std::move(directory),
                                         std::move(egress));
}

}  // namespace mayfly::notify
