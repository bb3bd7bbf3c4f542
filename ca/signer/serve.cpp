#include "ca/signer/serve.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>

namespace mayfly::signer {

namespace {

tl::unexpected<Error> not_here() { return fail(Code::malformed, "frame: not a request, or not on this socket"); }

Result<Bytes> answer_head(Core& core, ByteView body) {
    const auto verb = request_verb(body);
    if (!verb) return pass(verb.error());
    if (*verb != Verb::sign_checkpoint) return not_here();
    const auto order = parse_checkpoint_order(body);
    if (!order) return pass(order.error());
    const auto note = core.sign_checkpoint(*order);
    return note ? encode_checkpoint_reply(*note) : encode_error_reply(Verb::sign_checkpoint, note.error());
}

class Server {
public:
    Server(Core& core, Sockets sockets) : core_(core), sockets_(sockets) {}

    /// Until the other side ends or breaks the rules.
    Status run() {
        for (;;) {
            std::array<pollfd, 2> both = {{{sockets_.heads, POLLIN, 0}, {sockets_.orders, POLLIN, 0}}};
            if (::poll(both.data(), both.size(), -1) < 0 && errno != EINTR)
                return fail(Code::internal, std::string("poll: ") + std::strerror(errno));
            const bool head = both[0].revents != 0, order = !head && both[1].revents != 0;
            if (head)
                if (auto ok = serve_head(); !ok || ended_) return ok;
            if (order)
                if (auto ok = serve_order(); !ok || ended_) return ok;
        }
    }

private:
    Status serve_head() {
        return exchange(sockets_.heads, [this](ByteView body) { return answer_head(core_, body); });
    }
    Status serve_order() {
        return exchange(sockets_.orders, [this](ByteView body) { return answer_order(body); });
    }

    template <class Answer>
    Status exchange(int socket, Answer answer) {
        const auto body = read_frame(socket);
        ended_ = !body && body.error().code == Code::unavailable;
        if (ended_) return {};
        if (!body) return pass(body.error());
        const auto reply = answer(*body);
        if (!reply) return pass(reply.error());
        const auto written = write_frame(socket, *reply);
        ended_ = ended_ || !written;
        return {};
    }

    /// Between two certificates: what would wait for the rest of their frame.
    Status look_for_head() {
        pollfd heads{sockets_.heads, POLLIN, 0};
        return ::poll(&heads, 1, 0) > 0 ? serve_head() : Status();
    }

    Result<Bytes> sign_certificates(ByteView body) {
        const auto orders = parse_orders(body);
        if (!orders) return pass(orders.error());
        std::vector<Result<Bytes>> results;
        for (const auto& order : *orders) {
            results.push_back(core_.sign(order));
            if (auto ok = look_for_head(); !ok) return pass(ok.error());
        }
        return encode_certificates_reply(results);
    }

    Result<Bytes> answer_order(ByteView body) {
        const auto verb = request_verb(body);
        if (!verb) return pass(verb.error());
        switch (*verb) {
            case Verb::describe:
                if (body.size() != 2) return fail(Code::malformed, "frame: describe takes nothing");
                return encode_description_reply(core_.describe());
            case Verb::sign_certificates: return sign_certificates(body);
            case Verb::sign_crl: {
                const auto order = parse_crl_order(body);
                if (!order) return pass(order.error());
                const auto crl = core_.sign_crl(*order);
                return crl ? encode_crl_reply(*crl) : encode_error_reply(Verb::sign_crl, crl.error());
            }
            case Verb::sign_checkpoint:
            case Verb::ready: break;
        }
        return not_here();
    }

    Core& core_;
    const Sockets sockets_;
    bool ended_ = false;
};

tl::unexpected<Error> started_by_hand() {
    return fail(Code::malformed, "mayfly-signer is started by mayfly-ca, not by hand", "E-SIGNER-USAGE", {},
                "mayfly-ca serve --config ca.toml");
}

}  // namespace

Status serve(Core& core, Sockets sockets) { return Server(core, sockets).run(); }

std::vector<std::string> encode_arguments(const ChildOptions& options, Sockets sockets) {
    return {"--socket=" + std::to_string(sockets.orders),
            "--heads-socket=" + std::to_string(sockets.heads),
            "--keys=" + options.keys_dir,
            "--passphrase-file=" + options.passphrase_file,
            "--journal=" + options.journal,
            "--issuer-certificate=" + options.issuer_certificate,
            "--log-origin=" + options.log_origin,
            "--user=" + options.user,
            "--longest-ssh-user=" + std::to_string(options.envelope.longest_ssh_user.seconds()),
            "--longest-ssh-host=" + std::to_string(options.envelope.longest_ssh_host.seconds()),
            "--longest-x509=" + std::to_string(options.envelope.longest_x509.seconds()),
            "--longest-crl=" + std::to_string(options.envelope.longest_crl.seconds()),
            "--clock-slack=" + std::to_string(options.envelope.clock_slack_seconds)};
}

Result<ChildOptions> parse_arguments(const std::vector<std::string>& arguments, Sockets& sockets) {
    std::map<std::string, std::string> given;
    for (const auto& argument : arguments) {
        const auto equals = argument.find('=');
        if (!argument.starts_with("--") || equals == std::string::npos ||
            !given.emplace(argument.substr(2, equals - 2), argument.substr(equals + 1)).second)
            return started_by_hand();
    }
    if (!given.contains("socket")) return started_by_hand();
    Status status;
    const auto text = [&](const char* name) {
        auto node = given.extract(name);
        if (!node.empty()) return node.mapped();
        status = fail(Code::malformed, std::string("mayfly-signer lacks --") + name, "E-SIGNER-USAGE", {},
                      "mayfly-ca serve --config ca.toml");
        return std::string();
    };
    const auto number = [&](const char* name) {
        const std::string word = text(name);
        std::int64_t value = -1;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (status && (error != std::errc{} || end != word.data() + word.size() || value < 0))
            status = fail(Code::malformed, std::string("--") + name + " is not a number");
        return value;
    };
    const auto lifetime = [&](const char* name, Lifetime& out) {
        const auto value = Lifetime::of_seconds(number(name));
        if (value)
            out = *value;
        else
            status = pass(value.error());
    };
    ChildOptions out;
    sockets = {static_cast<int>(number("socket")), static_cast<int>(number("heads-socket"))};
    out.keys_dir = text("keys");
    out.passphrase_file = text("passphrase-file");
    out.journal = text("journal");
    out.issuer_certificate = text("issuer-certificate");
    out.log_origin = text("log-origin");
    out.user = text("user");
    lifetime("longest-ssh-user", out.envelope.longest_ssh_user);
    lifetime("longest-ssh-host", out.envelope.longest_ssh_host);
    lifetime("longest-x509", out.envelope.longest_x509);
    lifetime("longest-crl", out.envelope.longest_crl);
    out.envelope.clock_slack_seconds = number("clock-slack");
    if (!status) return pass(status.error());
    if (!given.empty()) return fail(Code::malformed, "mayfly-signer does not know --" + given.begin()->first);
    return out;
}

}  // namespace mayfly::signer
