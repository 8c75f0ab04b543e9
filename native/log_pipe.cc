#include "log_pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>

#include "log.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// The most that a pipe may have without privileges: some thousand lines that nobody has read yet outlive this process.
constexpr int kPipeBytes = 1 << 20;

// Four bytes of its length, then the record. lib/pjrt/isolated/log-reader.ts reads it.
std::string framed(const std::string& record) {
  const auto length = static_cast<uint32_t>(record.size());
  std::string frame(sizeof length, '\0');
  std::memcpy(frame.data(), &length, sizeof length);
  return frame + record;
}

std::string record_of(const LogLine& line) {
  std::string record;
  // The time in microseconds.
  for (const int64_t number : {static_cast<int64_t>(line.level), static_cast<int64_t>(1000 * line.time), line.thread, line.line})
    record += std::to_string(number) + ' ';
  return record + '\n' + line.file + '\n' + line.message;
}

// Lines go into the pipe by the thread that logs them, before it goes on, perhaps to crash. Whoever reads may be busy: what the pipe has no
// room for waits here, up to `most` lines, for a thread of its own. No plugin waits for a reader. It lives as long as the process.
class LogPipe {
 public:
  LogPipe(int pipe, size_t most) : pipe_(pipe), most_(most) {}

  void put(const LogLine& line) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (waiting_.size() >= most_) {
      // The reader, which empties the log of this process as it grows, is busy, too.
      if (++left_out_ % most_ == 0) std::ignore = ftruncate(STDERR_FILENO, 0);
      return;
    }
    waiting_.push_back(framed(record_of(line)));
    if (!is_late_ && !write_some()) write_later();
  }

 private:
  // Writes what there is room for: whether that is all.
  bool write_some() {
    for (; !waiting_.empty(); waiting_.pop_front()) {
      const std::string& frame = waiting_.front();
      while (written_ < frame.size()) {
        const ssize_t bytes = write(pipe_, frame.data() + written_, frame.size() - written_);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return false;
        written_ += static_cast<size_t>(bytes);
      }
      written_ = 0;
      if (waiting_.size() == 1 && left_out_ > 0) {
        waiting_.push_back(framed(std::to_string(left_out_)));
        left_out_ = 0;
      }
    }
    return true;
  }

  void write_later() {
    try {
      std::thread([this] { write_all(); }).detach();
      is_late_ = true;
    } catch (const std::system_error&) {
      // With the next line.
    }
  }

  void write_all() {
    for (;;) {
      pollfd one{pipe_, POLLOUT, 0};
      poll(&one, 1, -1);
      std::lock_guard<std::mutex> lock(mutex_);
      if (one.revents & POLLERR) return;  // nobody reads any more, and the process is about to end
      if (!write_some()) continue;
      is_late_ = false;
      return;
    }
  }

  const int pipe_;
  const size_t most_;
  std::mutex mutex_;
  std::deque<std::string> waiting_;  // frames, of the first of which `written_` bytes are written
  size_t written_ = 0;
  size_t left_out_ = 0;
  bool is_late_ = false;  // a thread writes them
};

Error failed(const char* call) { return Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, std::string(call) + ": " + std::strerror(errno)); }

std::FILE* stream_of(int descriptor) {
  std::FILE* stream = fdopen(descriptor, "w");
  if (!stream) throw failed("fdopen");
  // A line is one write, as on stderr.
  std::setvbuf(stream, nullptr, _IONBF, 0);
  return stream;
}

// newLogPipe(): [to read, to write].
Napi::Value new_log_pipe(Info info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw failed("pipe2");
  fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; i++) result.Set(i, ends[i]);
  return result;
}

// sendLogs(level to print, descriptor to print to, pipe, most): plugins that are loaded from now on have their lines sent through the pipe.
Napi::Value send_logs(Info info) {
  const auto number = [&](size_t i) { return info[i].As<Napi::Number>().Int32Value(); };
  auto& pipe = *new LogPipe(number(2), static_cast<size_t>(number(3)));
  // For ever.
  static const std::shared_ptr<void> listening = listen_to_logs([&pipe](const LogLine& line) { pipe.put(line); });
  take_logs(static_cast<LogLevel>(number(0)), stream_of(number(1)));
  return info.Env().Undefined();
}

}  // namespace

void export_log_pipe(Napi::Env env, Napi::Object exports) {
  exports.Set("newLogPipe", Napi::Function::New<guarded<new_log_pipe>>(env));
  exports.Set("sendLogs", Napi::Function::New<guarded<send_logs>>(env));
}

}  // namespace node_pjrt
