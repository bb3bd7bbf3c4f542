#include "ca/log_line.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "mayfly/names.h"
#include "mayfly/time.h"

namespace mayfly::ca {

LogLine::LogLine()
    : logger_(std::make_shared<spdlog::logger>("mayfly-ca", std::make_shared<spdlog::sinks::stdout_sink_mt>())) {
    logger_->set_pattern("%v");
    logger_->flush_on(spdlog::level::info);
}

void LogLine::write(std::string event, wire::Json::Object members) const {
    for (auto& [name, value] : members)
        if (const auto* text = value.string()) value = wire::Json(printable(*text));
    members["time"] = SystemClock().now().text();
    members["event"] = std::move(event);
    logger_->info("{}", wire::Json(std::move(members)).canonical());
}

}  // namespace mayfly::ca
