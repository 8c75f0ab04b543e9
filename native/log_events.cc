#include "log_events.h"

#include <deque>
#include <mutex>

#include "log.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// Lines for the JS thread of one environment. Where `most` of them wait for it, what comes is counted only.
class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  explicit Inbox(size_t most) : most_(most) {}

  static std::shared_ptr<Inbox> open(Napi::Env env, const Napi::Function& hear, size_t most) {
    auto inbox = std::make_shared<Inbox>(most);
    inbox->wake_ = Napi::ThreadSafeFunction::New(env, hear, "node_pjrt log", 0, 1);
    inbox->wake_.Unref(env);
    // Hooks run last in, first out: this one before the ThreadSafeFunction's own. See Environment.
    env.AddCleanupHook([inbox] { inbox->close(); });
    inbox->listening_ = listen_to_logs([weak = std::weak_ptr<Inbox>(inbox)](const LogLine& line) {
      if (const auto inbox = weak.lock()) inbox->put(line);
    });
    return inbox;
  }

  struct Lines {
    std::deque<LogLine> lines;
    int64_t left_out = 0;
  };
  Lines take() {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  void put(const LogLine& line) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!alive_) return;
    if (waiting_.lines.size() == most_) {
      waiting_.left_out++;
      return;
    }
    waiting_.lines.push_back(line);
    if (waiting_.lines.size() == 1) wake_.NonBlockingCall();
  }

  void close() {
    listening_.reset();
    std::lock_guard<std::mutex> lock(mutex_);
    alive_ = false;
    waiting_ = {};
  }

  const size_t most_;
  std::mutex mutex_;
  bool alive_ = true;
  Napi::ThreadSafeFunction wake_;
  std::shared_ptr<void> listening_;
  Lines waiting_;
};

Napi::Object line_object(Napi::Env env, const LogLine& line) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("plugin", line.plugin);
  object.Set("level", static_cast<double>(line.level));
  object.Set("time", line.time);
  object.Set("thread", static_cast<double>(line.thread));
  object.Set("file", line.file);
  object.Set("line", static_cast<double>(line.line));
  object.Set("message", line.message);
  return object;
}

// takeLogs(level to print, hear, most): plugins that are loaded from now on have their lines taken, and `hear` is called, on this thread, when there
// are some. Returns a function that gives those that wait: [[line, ...], how many more there were].
Napi::Value take(Info info) {
  const Napi::Env env = info.Env();
  take_logs(static_cast<LogLevel>(info[0].As<Napi::Number>().Int32Value()));
  const size_t most = info[2].As<Napi::Number>().Uint32Value();
  return Napi::Function::New(env, [inbox = Inbox::open(env, info[1].As<Napi::Function>(), most)](Info info) -> Napi::Value {
    const Inbox::Lines taken = inbox->take();
    Napi::Array lines = Napi::Array::New(info.Env(), taken.lines.size());
    for (uint32_t i = 0; i < taken.lines.size(); i++) lines.Set(i, line_object(info.Env(), taken.lines[i]));
    Napi::Array result = Napi::Array::New(info.Env(), 2);
    result.Set(0u, lines);
    result.Set(1u, static_cast<double>(taken.left_out));
    return result;
  });
}

}  // namespace

void export_log_events(Napi::Env env, Napi::Object exports) { exports.Set("takeLogs", Napi::Function::New<guarded<take>>(env)); }

}  // namespace node_pjrt
