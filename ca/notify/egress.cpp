#include "ca/notify/egress.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "mayfly/names.h"

namespace mayfly::notify {

namespace {

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;
struct FreeUrl {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

Status append(List& list, const std::string& line) {
    auto* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return fail(Code::unavailable, "out of memory");
    (void)list.release();
    list.reset(longer);
    return {};
}

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK || text == nullptr) return {};
    std::string out = text;
    curl_free(text);
    return out;
}

/// The bytes of a host that is an address already, in whatever spelling (libcurl has written 127.1 out by now).
std::optional<Bytes> literal(std::string host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    Bytes six(16), four(4);
    if (::inet_pton(AF_INET6, host.c_str(), six.data()) == 1) return six;
    if (::inet_pton(AF_INET, host.c_str(), four.data()) == 1) return four;
    return std::nullopt;
}

/// The scheme in lower case, as libcurl reads it; "" for what is no URL.
std::string scheme_of(const std::string& url) {
    const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
    if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        return {};
    return part_of(parsed.get(), CURLUPART_SCHEME);
}

tl::unexpected<Error> bad_url(const std::string& what) { return fail(Code::malformed, what, "E-WEBHOOK-URL", {}, {}); }

}  // namespace

Status check_url(const std::string& url, std::string_view scheme, std::string_view other, const Reach& reach) {
    const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
    if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(),
                                CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER) != CURLUE_OK)
        return bad_url("\"" + printable(url) + "\" is not a URL without user and password");
    const std::string given = part_of(parsed.get(), CURLUPART_SCHEME), host = part_of(parsed.get(), CURLUPART_HOST);
    if (given.empty() || (given != scheme && given != other))
        return bad_url("the URL does not begin with " + std::string(scheme) + "://" +
                       (other.empty() ? "" : " or " + std::string(other) + "://"));
    if (host.empty() || !part_of(parsed.get(), CURLUPART_FRAGMENT).empty())
        return bad_url("the URL names no host, or has a fragment");
    if (const auto address = literal(host))
        return may_connect(*address, reach, given == "http" ? Transport::plain : Transport::tls);
    return {};
}

/// Handle is one libcurl handle and what its callbacks write down.
struct Egress::Handle {
    EgressOptions options;
    const std::atomic<bool>& stop;
    CURL* curl = nullptr;
    // Of the request in hand:
    Transport transport = Transport::tls;
    std::optional<Error> refused;  ///< why the last socket was not opened
    std::size_t answer = 0, headers = 0;
    bool too_large = false;
    std::string_view to_send;

    Handle(EgressOptions given, const std::atomic<bool>& flag) : options(std::move(given)), stop(flag) {
        ensure(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl starts");
        curl = curl_easy_init();
        ensure(curl != nullptr, "libcurl has a handle");
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        curl_easy_cleanup(curl);
        curl_global_cleanup();
    }

    static curl_socket_t open_socket(void* context, curlsocktype purpose, curl_sockaddr* address);
    static std::size_t take_answer(char* data, std::size_t one, std::size_t count, void* context);
    static std::size_t take_header(char* data, std::size_t one, std::size_t count, void* context);
    static std::size_t give(char* buffer, std::size_t one, std::size_t count, void* context);
    static int keep_going(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<Handle*>(context)->stop.load() ? 1 : 0;
    }

    void begin(const std::string& url, const char* protocols, Transport how);
    List resolved();
    Error error(CURLcode code) const;
};

/// Here the address is known and nothing has been sent. An address that is out of reach gets no socket.
curl_socket_t Egress::Handle::open_socket(void* context, curlsocktype purpose, curl_sockaddr* address) {
    auto& self = *static_cast<Handle*>(context);
    Bytes bytes;
    if (purpose == CURLSOCKTYPE_IPCXN && address->family == AF_INET) {
        sockaddr_in four{};
        std::memcpy(&four, &address->addr, sizeof four);
        bytes.resize(4);
        std::memcpy(bytes.data(), &four.sin_addr, bytes.size());
    } else if (purpose == CURLSOCKTYPE_IPCXN && address->family == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, &address->addr, std::min<std::size_t>(sizeof six, address->addrlen));
        bytes.resize(16);
        std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
    }
    const Status allowed = self.options.may_connect ? self.options.may_connect(bytes, self.transport)
                                                    : may_connect(bytes, self.options.reach, self.transport);
    if (!allowed) {
        self.refused = allowed.error();
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// The answer's body is counted and dropped.
std::size_t Egress::Handle::take_answer(char*, std::size_t one, std::size_t count, void* context) {
    auto& self = *static_cast<Handle*>(context);
    self.answer += one * count;
    self.too_large = self.too_large || self.answer > self.options.largest_answer;
    return self.too_large ? 0 : one * count;
}

std::size_t Egress::Handle::take_header(char*, std::size_t one, std::size_t count, void* context) {
    auto& self = *static_cast<Handle*>(context);
    self.headers += one * count;
    self.too_large = self.too_large || self.headers > self.options.largest_headers;
    return self.too_large ? 0 : one * count;
}

std::size_t Egress::Handle::give(char* buffer, std::size_t one, std::size_t count, void* context) {
    auto& self = *static_cast<Handle*>(context);
    const std::size_t size = std::min(one * count, self.to_send.size());
    std::memcpy(buffer, self.to_send.data(), size);
    self.to_send.remove_prefix(size);
    return size;
}

void Egress::Handle::begin(const std::string& url, const char* protocols, Transport how) {
    transport = how;
    refused.reset();
    answer = headers = 0;
    too_large = false;
    curl_easy_reset(curl);  // keeps the connection
    const auto set = [this](CURLoption option, auto value) {
        ensure(curl_easy_setopt(curl, option, value) == CURLE_OK, "libcurl knows the option");
    };
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, protocols);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");  // not even one from the environment: it would resolve names behind our back
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // do not wait for a resolver that hangs
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_ms));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.total_ms));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.roots.empty()) {
        set(CURLOPT_CAINFO, options.roots.c_str());
        set(CURLOPT_CAPATH, nullptr);
    }
    set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_WRITEFUNCTION, &take_answer);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_XFERINFOFUNCTION, &keep_going);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
}

List Egress::Handle::resolved() {
    List list;
    if (!options.resolve) return list;
    for (const auto& line : options.resolve()) (void)append(list, line);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, list.get());
    return list;
}

/// curl_easy_strerror is libcurl's own text; its error buffer may quote the other side, so there is none.
Error Egress::Handle::error(CURLcode code) const {
    if (refused) return *refused;
    if (stop.load()) return {Code::unavailable, "the CA is stopping", "E-EGRESS-FAILED", {}, {}};
    if (too_large)
        return {Code::unavailable,
                "the answer is too large",
                "E-EGRESS-FAILED",
                "at most 16 KiB of headers and 64 KiB of body are read",
                {}};
    return {Code::unavailable, std::string("not sent: ") + curl_easy_strerror(code), "E-EGRESS-FAILED", {}, {}};
}

Egress::Egress(EgressOptions options, const std::atomic<bool>& stop)
    : handle_(std::make_unique<Handle>(std::move(options), stop)) {}
Egress::~Egress() = default;
Egress::Egress(Egress&&) noexcept = default;

Result<PostAnswer> Egress::post(const Post& post) {
    Handle& handle = *handle_;
    handle.begin(post.url, handle.options.reach.plain_text ? "https,http" : "https",
                 scheme_of(post.url) == "https" ? Transport::tls : Transport::plain);
    const List resolve = handle.resolved();
    List headers;
    for (const auto& [name, value] : post.headers)
        if (auto ok = append(headers, name + ": " + value); !ok) return pass(ok.error());
    if (auto ok = append(headers, "Expect:"); !ok) return pass(ok.error());
    curl_easy_setopt(handle.curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle.curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle.curl, CURLOPT_POST, 1L);
    curl_easy_setopt(handle.curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
    curl_easy_setopt(handle.curl, CURLOPT_POSTFIELDS, post.body.c_str());
    if (const CURLcode code = curl_easy_perform(handle.curl); code != CURLE_OK) return pass(handle.error(code));
    PostAnswer out;
    curl_easy_getinfo(handle.curl, CURLINFO_RESPONSE_CODE, &out.status);
    curl_off_t wait = 0;
    curl_easy_getinfo(handle.curl, CURLINFO_RETRY_AFTER, &wait);
    out.retry_after = wait;
    return out;
}

Status Egress::mail(const Envelope& envelope) {
    Handle& handle = *handle_;
    const bool plain = handle.options.reach.plain_text && scheme_of(envelope.server) != "smtps";
    handle.begin(envelope.server, "smtp,smtps", plain ? Transport::plain : Transport::tls);
    const List resolve = handle.resolved();
    List recipients;
    if (auto ok = append(recipients, "<" + envelope.to + ">"); !ok) return ok;
    const std::string from = "<" + envelope.from + ">";
    Secret password = Secret::of_size(envelope.password.reveal().size() + 1);  // as C wants it, and wiped
    std::copy(envelope.password.reveal().begin(), envelope.password.reveal().end(), password.writable().begin());
    curl_easy_setopt(handle.curl, CURLOPT_USE_SSL, static_cast<long>(plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (!envelope.user.empty()) {
        curl_easy_setopt(handle.curl, CURLOPT_USERNAME, envelope.user.c_str());
        curl_easy_setopt(handle.curl, CURLOPT_PASSWORD, password.reveal().data());
    }
    curl_easy_setopt(handle.curl, CURLOPT_MAIL_FROM, from.c_str());
    curl_easy_setopt(handle.curl, CURLOPT_MAIL_RCPT, recipients.get());
    handle.to_send = envelope.message;
    curl_easy_setopt(handle.curl, CURLOPT_READFUNCTION, &Handle::give);
    curl_easy_setopt(handle.curl, CURLOPT_READDATA, &handle);
    curl_easy_setopt(handle.curl, CURLOPT_UPLOAD, 1L);
    const CURLcode code = curl_easy_perform(handle.curl);
    if (code == CURLE_OK) return {};
    long status = 0;
    curl_easy_getinfo(handle.curl, CURLINFO_RESPONSE_CODE, &status);
    Error error = handle.error(code);
    if (!handle.refused && status >= 400)
        // What is wrong with our own account or with TLS is wrong for every mail, and somebody will mend it.
        error = {status >= 500 && code != CURLE_LOGIN_DENIED && code != CURLE_USE_SSL_FAILED ? Code::malformed
                                                                                             : Code::unavailable,
                 "the mail server answers " + std::to_string(status),
                 "E-EGRESS-FAILED",
                 {},
                 {}};
    return pass(std::move(error));
}

}  // namespace mayfly::notify
