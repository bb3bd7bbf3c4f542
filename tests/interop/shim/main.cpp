// keygen_shim stands in for ssh-keygen while OpenSSH's own regression scripts run: see shim.h. With SHIM_RECORD set it
// appends one line per call to that file, so that whoever runs the scripts sees what Mayfly's code did and what not.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "lib/wire/text.h"
#include "tests/interop/shim/shim.h"

namespace mayfly::shim {

std::string real_keygen() {
    const char* given = std::getenv("SHIM_REAL_KEYGEN");
    return given != nullptr ? given : "/usr/bin/ssh-keygen";
}

Result<std::string> slurp(const std::string& path) {
    if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail(Code::not_found, "cannot read " + path);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<Bytes> blob_of_line(const std::string& line) {
    const auto begin = line.find(' ');
    if (begin == std::string::npos) return fail(Code::malformed, "not a key line");
    const auto end = line.find_first_of(" \r\n", begin + 1);
    return wire::parse_base64(std::string_view(line).substr(begin + 1, end - begin - 1));
}

namespace {

/// ssh-keygen's own letters, so that flags and their values are told apart as it does.
constexpr const char* kLetters = "ABHKLQUXceghiklopquvyC:D:E:F:I:M:N:O:P:R:V:Y:Z:a:b:f:m:n:r:s:t:w:z:";

Arguments parse(int argc, char** argv) {
    Arguments out;
    // ssh-keygen's -s and -k share the command line with -Q (ask), -Y (signatures), -l, -L …, which are not ours.
    for (int letter = 0; (letter = ::getopt(argc, argv, kLetters)) != -1;) {
        const std::string value = ::optarg != nullptr ? ::optarg : "";
        switch (letter) {
            case 's': out.sign = true, out.authority = value; break;
            case 'k': out.revoke = true; break;
            case 'u': out.update = true; break;
            case 'h': out.host = true; break;
            case 'q': break;
            case 'I': out.key_id = value; break;
            case 'n': out.principals = value; break;
            case 'V': out.validity = value; break;
            case 'O': out.options.push_back(value); break;
            case 'f': out.file = value; break;
            case 't': out.type = value; break;
            case 'N': out.makes = true; break;  // the new key's passphrase
            case 'l': out.shows = true; break;
            case 'Q': out.asks = true; break;
            case 'z': out.number = std::strtoull(value.c_str(), nullptr, 10); break;
            default: out.pass_through = true;
        }
    }
    for (int i = ::optind; i < argc; ++i) out.operands.emplace_back(argv[i]);
    return out;
}

/// What the real ssh-keygen is asked for, in a word.
std::string passed_on(const Arguments& arguments) {
    if (arguments.asks) return "asks-a-list";
    if (arguments.shows) return "shows-a-fingerprint";
    if (arguments.makes) return "makes-a-key";
    return "other";
}

void record(const std::string& who, const std::vector<std::string>& words) {
    const char* path = std::getenv("SHIM_RECORD");
    if (path == nullptr) return;
    std::string line = who;
    for (const auto& word : words) line += " " + word;
    line += "\n";
    const int file = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    ::close(file);
}

}  // namespace
}  // namespace mayfly::shim

int main(int argc, char** argv) {
    using namespace mayfly::shim;
    const std::vector<std::string> words(argv + 1, argv + argc);
    ::opterr = 0;
    const Arguments arguments = parse(argc, argv);
    std::string why = passed_on(arguments);
    const bool other = arguments.makes || arguments.shows || arguments.asks || arguments.pass_through;
    if (!other && (arguments.sign || arguments.revoke)) {
        const auto done = arguments.revoke ? revoke(arguments) : sign(arguments);
        if (!done) {
            record("mayfly-refused", words);
            std::fprintf(stderr, "keygen_shim: %s\n", done.error().message.c_str());
            return 255;
        }
        if (!done->pass_through) {
            record("mayfly", words);
            return 0;
        }
        why = *done->pass_through;
    }
    record(why, words);
    const std::string program = real_keygen();
    ::execv(program.c_str(), argv);
    std::perror(program.c_str());
    return 255;
}
