// Between C++ and JavaScript: errors, handles and promises. It knows no plugin function but events.
#pragma once

#include <napi.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "exit.h"
#include "pjrt.h"

namespace node_pjrt {

// A promise that waits for an event of a plugin. It owns what the plugin still writes to, through `finish`.
struct Pending;

// What one Node environment (the main thread, or a worker) has: its live handles and its pending promises.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  static void create(Napi::Env env);
  static std::shared_ptr<Environment> of(Napi::Env env) { return *env.GetInstanceData<std::shared_ptr<Environment>>(); }

  int64_t live_handles = 0;
  // Time that programs ran on the JS thread since it last had to go round its event loop; see execute.
  std::chrono::nanoseconds inline_time{0};

  void begin(Napi::Env env, std::unique_ptr<Pending> pending);
  void expect(Napi::Env env);  // one more pending promise, to be made ready
  void ready(Pending* pending);  // any thread

 private:
  static void wake(Napi::Env env, Napi::Function, Environment* environment, void*);
  using Wake = Napi::TypedThreadSafeFunction<Environment, void, wake>;
  void settle_ready(Napi::Env env);
  void shut_down();

  // Node deletes a ThreadSafeFunction when its environment ends, whoever still holds it, so it is only called under the mutex while
  // alive.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool alive_ = true;
  Wake wake_;
  size_t pending_ = 0;
  std::deque<std::unique_ptr<Pending>> ready_;
};

Napi::Error to_js(Napi::Env env, const Error& error);

// Every exported function runs inside this: what C++ throws becomes a JS error with the number in `code`.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const Error& error) {
    throw to_js(info.Env(), error);
  } catch (const std::exception& error) {
    throw to_js(info.Env(), Error(PJRT_Error_Code_INTERNAL, error.what()));
  }
}

// What a handle in JavaScript holds on to. Released by dispose() or by garbage collection, its children before it; work that is under way
// keeps the object itself alive. JS thread only.
struct Box : std::enable_shared_from_this<Box> {
  std::shared_ptr<void> object;
  std::shared_ptr<Environment> environment;
  std::weak_ptr<Box> parent;
  std::set<Box*> children;
  int64_t host_bytes = 0;
  bool frees_slowly = false;

  void release(Napi::Env env) noexcept;
};

std::shared_ptr<Box> box_of(const Napi::Value& value);

// A JS handle of `object`, which is released with its parent. `host_bytes` is what it holds of this process's memory. What frees slowly, as
// all that is large does, is freed on a thread of its own.
Napi::Value wrap(Napi::Env env, std::shared_ptr<void> object, const std::shared_ptr<Box>& parent, int64_t host_bytes = 0,
                 bool frees_slowly = false);

template <typename T>
std::shared_ptr<T> unwrap(const Napi::Value& value) {
  const std::shared_ptr<Box> box = box_of(value);
  if (!box->object) throw Error(kDisposed, "a handle was used after it was disposed");
  return std::static_pointer_cast<T>(box->object);
}

// Settles `deferred` with the result of `value`, or with what it throws. It never throws itself: a worker that is being terminated cannot
// run JavaScript, and then there is nobody to tell.
void settle(Napi::Env env, const Napi::Promise::Deferred& deferred, const std::function<Napi::Value()>& value) noexcept;

using Finish = std::function<Napi::Value(Napi::Env)>;

// A promise of what `finish` makes, on the JS thread, once `event` is ready; rejected with the event's error. The wait takes no thread.
Napi::Promise when_ready(Napi::Env env, Owned<PJRT_Event> event, Finish finish);

// A promise of what `finish` makes, on the JS thread, after `work` on a thread of its own: for what may wait for JavaScript, which itself may
// wait for libuv's few workers.
Napi::Promise on_own_thread(Napi::Env env, std::function<void()> work, Finish finish);

// A promise of what `finish` makes, on the JS thread, of the result of `work`, done on a libuv worker.
template <typename T>
class OffThread : public Napi::AsyncWorker {
 public:
  OffThread(Napi::Env env, std::function<T()> work, std::function<Napi::Value(Napi::Env, T)> finish)
      : AsyncWorker(env), environment_(Environment::of(env)), deferred_(env), work_(std::move(work)), finish_(std::move(finish)) {}

  static Napi::Promise run(Napi::Env env, std::function<T()> work, std::function<Napi::Value(Napi::Env, T)> finish) {
    auto* worker = new OffThread(env, std::move(work), std::move(finish));
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 protected:
  void Execute() override {
    try {
      const InFlight in_flight;
      if (exiting()) throw Error(PJRT_Error_Code_CANCELLED, "the process is exiting");
      result_ = work_();
    } catch (const Error& error) {
      error_ = error;
    } catch (const std::exception& error) {
      error_ = Error(PJRT_Error_Code_INTERNAL, error.what());
    }
  }

  void OnOK() override {
    environment_->inline_time = {};
    settle(Env(), deferred_, [this] {
      if (error_) throw *error_;
      return finish_(Env(), std::move(*result_));
    });
  }

 private:
  std::shared_ptr<Environment> environment_;
  Napi::Promise::Deferred deferred_;
  std::function<T()> work_;
  std::function<Napi::Value(Napi::Env, T)> finish_;
  std::optional<T> result_;
  std::optional<Error> error_;
};

std::string text_of(const Napi::Value& value);
std::string bytes_of(const Napi::Value& value);
std::vector<int64_t> integers_of(const Napi::Value& value);

}  // namespace node_pjrt
