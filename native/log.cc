#include "log.h"

#include <atomic>
#include <cctype>
#include <chrono>
#include <ctime>
#include <list>
#include <mutex>
#include <vector>

#include "redirect.h"

namespace node_pjrt {
namespace {

struct Source {
  std::string path;
  Extent extent;
};

// Never destroyed: plugin threads may outlive static destructors.
struct Log {
  std::mutex mutex;
  std::atomic<LogLevel> print{LogLevel::kOff};
  std::atomic<std::FILE*> printed{stderr};
  std::atomic<bool> is_taken{false};
  std::vector<Source> sources;
  std::list<std::shared_ptr<LogListener>> listeners;
};

Log& the_log() {
  static auto& log = *new Log;
  return log;
}

void print(const LogLine& line) {
  static constexpr const char* names[] = {"info", "warning", "error"};
  const auto seconds = static_cast<time_t>(line.time / 1000);
  struct tm parts;
  localtime_r(&seconds, &parts);
  char clock[32];
  std::snprintf(clock, sizeof clock, "%02d:%02d:%02d.%03d", parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(line.time - 1000.0 * static_cast<double>(seconds)));
  const std::string library = line.plugin.substr(line.plugin.rfind('/') + 1);
  std::string text = "node-pjrt: " + std::string(clock) + " " + names[static_cast<size_t>(line.level)] + " " + library + " " + line.file +
                     ":" + std::to_string(line.line) + ": ";
  for (const char c : line.message) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  text += '\n';
  std::fwrite(text.data(), 1, text.size(), the_log().printed);
}

void take(LogLine line, const void* caller) {
  Log& log = the_log();
  std::lock_guard<std::mutex> lock(log.mutex);
  for (const Source& source : log.sources)
    if (source.extent.holds(caller)) line.plugin = source.path;
  if (line.level >= log.print) print(line);
  for (const auto& listener : log.listeners) (*listener)(line);
}

// absl says once that it was not told where to log to.
bool is_about_logging(std::string_view text) { return text.rfind("WARNING: All log messages before absl::InitializeLog()", 0) == 0; }

// What a plugin calls for fwrite. absl writes a message with one call; what is none, as the stack trace of a crash, goes where it went, and
// so does a fatal message, after which nobody may be there to hear it.
size_t write_or_take(const void* data, size_t size, size_t count, FILE* file) {
  const auto write = [&] { return std::fwrite(data, size, count, file); };
  if (file != stderr) return write();
  try {
    const std::string_view text(static_cast<const char*>(data), size * count);
    if (is_about_logging(text)) return count;
    std::optional<LogLine> line = parse_log(text);
    if (!line) return write();
    take(std::move(*line), __builtin_return_address(0));
    return the_log().printed == stderr ? count : write();
  } catch (...) {
    return write();
  }
}

// Reads `text` from its beginning; each step takes what it has read away, or fails for good.
struct Scanner {
  std::string_view text;
  bool good = true;

  std::string_view until(bool (*is_end)(char)) {
    size_t size = 0;
    while (size < text.size() && !is_end(text[size])) size++;
    const std::string_view part = text.substr(0, size);
    text.remove_prefix(size);
    return part;
  }
  void expect(char c) {
    good = good && !text.empty() && text[0] == c;
    if (good) text.remove_prefix(1);
  }
  int64_t number() {
    const std::string_view digits = until([](char c) { return !std::isdigit(static_cast<unsigned char>(c)); });
    good = good && !digits.empty() && digits.size() < 18;
    int64_t value = 0;
    for (const char c : digits) value = 10 * value + (c - '0');
    return good ? value : 0;
  }
  void spaces() {
    until([](char c) { return c != ' '; });
  }
};

}  // namespace

std::optional<LogLine> parse_log(std::string_view text) {
  static constexpr std::string_view letters = "IWE";
  LogLine line;
  const size_t level = text.empty() ? letters.npos : letters.find(text[0]);
  if (level == letters.npos) return std::nullopt;
  line.level = static_cast<LogLevel>(level);
  Scanner scanner{text.substr(1)};
  // The date, and the time of day or, before absl is set up, seconds since 1970.
  scanner.number();
  scanner.expect(' ');
  for (const char c : {':', ':', '.', ' '}) {
    scanner.number();
    scanner.expect(c);
  }
  scanner.spaces();
  line.thread = scanner.number();
  scanner.expect(' ');
  line.file = scanner.until([](char c) { return c == ':' || c == ']' || c == '\n'; });
  scanner.expect(':');
  line.line = scanner.number();
  scanner.expect(']');
  scanner.expect(' ');
  if (!scanner.good) return std::nullopt;
  while (!scanner.text.empty() && scanner.text.back() == '\n') scanner.text.remove_suffix(1);
  line.message = scanner.text;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  line.time = std::chrono::duration<double, std::milli>(now).count();
  return line;
}

void take_logs(LogLevel print, std::FILE* printed) {
  the_log().print = print;
  the_log().printed = printed;
  the_log().is_taken = true;
}

void take_log_of(const std::string& path, void* library) {
  Log& log = the_log();
  if (!log.is_taken) return;
  const Extent extent = redirect_calls(library, "fwrite", reinterpret_cast<void*>(&write_or_take));
  std::lock_guard<std::mutex> lock(log.mutex);
  log.sources.push_back({path, extent});
}

std::shared_ptr<void> listen_to_logs(LogListener listener) {
  Log& log = the_log();
  auto entry = std::make_shared<LogListener>(std::move(listener));
  std::lock_guard<std::mutex> lock(log.mutex);
  log.listeners.push_back(entry);
  return std::shared_ptr<void>(nullptr, [entry](void*) {
    std::lock_guard<std::mutex> lock(the_log().mutex);
    the_log().listeners.remove(entry);
  });
}

}  // namespace node_pjrt
