#include <cstdint>

#include "agent/workload/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mayfly;
    const auto read = agent::read_workload("fuzzed", text_of(ByteView(data, size)));
    if (!read) {
        ensure(!read.error().message.empty(), "an error says something");
        return 0;
    }
    ensure(read->folder.starts_with('/') && read->folder.find("/../") == std::string::npos, "a folder is a full path");
    ensure(RoleName::parse(read->wish.role).has_value() && !read->wish.names.empty(), "a workload asks for something");
    for (const auto& name : {read->files.key, read->files.certificate, read->files.chain, read->files.bundle,
                             read->files.combined, read->service.verify ? read->service.verify->host : std::string()})
        ensure(name.find('/') == std::string::npos && !name.starts_with('.'), "a file's name leads nowhere else");
    if (const auto* exec = std::get_if<renewal::Exec>(&read->service.reload))
        ensure(!exec->argv.empty() && exec->argv.front().starts_with('/'), "a program is named by its full path");
    return 0;
}
