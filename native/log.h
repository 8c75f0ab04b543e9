// What plugins log, line by line, instead of on stderr. It knows nothing of Node.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace node_pjrt {

// In the order of `levels` in lib/pjrt/observe/log.ts.
enum class LogLevel { kInfo, kWarning, kError, kOff };

struct LogLine {
  std::string plugin;  // its library's path
  LogLevel level = LogLevel::kInfo;
  double time = 0;  // milliseconds since 1970
  int64_t thread = 0;
  std::string file;
  int64_t line = 0;
  std::string message;  // of several lines, perhaps
};

// Plugins that are loaded from now on have their lines taken. Those of `print` and above are written to `printed`, formatted. Where that is not
// stderr, which it is not in a plugin's own process, stderr has every message as the plugin wrote it: it is the log that tells of an end.
void take_logs(LogLevel print, std::FILE* printed = stderr);

// Called for each plugin between its loading and its first call.
void take_log_of(const std::string& path, void* library);

// Hears every line, on whichever thread it is written, until what is returned is destroyed. It must not log.
using LogListener = std::function<void(const LogLine&)>;
std::shared_ptr<void> listen_to_logs(LogListener listener);

// One message as absl and glog write it, `W0131 12:34:56.789012   4242 file.cc:10] text`; nothing where it is none, or a fatal one.
std::optional<LogLine> parse_log(std::string_view text);

}  // namespace node_pjrt
