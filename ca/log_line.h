#pragma once
// LogLine: one JSON object per line on standard output, each with time and event. Foreign text is escaped so that a
// line stays a line and a terminal stays a terminal. Thread-safe.
#include <memory>
#include <string>

#include "lib/wire/json.h"

namespace spdlog {
class logger;
}

namespace mayfly::ca {

class LogLine {
public:
    LogLine();
    void write(std::string event, wire::Json::Object members) const;

private:
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace mayfly::ca
