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
#include "live.h"
#include "pjrt.h"

namespace node_pjrt {

// A promise that waits for an event of a plugin, or for work on a worker. It owns what the plugin still writes to, through `finish`.
struct Pending;

// What one Node environment (the main thread, or a worker) has: its live handles and its pending promises.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  static void create(Napi::Env env);
  static std::shared_ptr<Environment> of(Napi::Env env) { return *env.GetInstanceData<std::shared_ptr<Environment>>(); }

  const std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  // Time that programs ran on the JS thread since it last had to go round its event loop; see execute.
  std::chrono::nanoseconds inline_time{0};

  // Counts one that `ready` will be called of.
  void begin(Napi::Env env);
  void ready(Pending* pending);  // any thread
  bool alive();                  // any thread

 private:
  static void wake(Napi::Env env, Napi::Function, Environment* environment, void*);
  using Wake = Napi::TypedThreadSafeFunction<Environment, void, wake>;
  void settle_ready(Napi::Env env);
  void shut_down();

  // Node deletes a ThreadSafeFunction when its environment ends, whoever still holds it, so it is only called under the mutex while
  // alive. While it ends, what becomes ready goes with it.
  enum class State { kAlive, kEnding, kEnded };
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kAlive;
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
  std::optional<Counted> counted;  // while it is not released
  int64_t host_bytes = 0;
  bool frees_slowly = false;

  void release(Napi::Env env) noexcept;
};

std::shared_ptr<Box> box_of(const Napi::Value& value);

Napi::Value wrap(Napi::Env env, Kind kind, std::shared_ptr<void> object, const std::shared_ptr<Box>& parent, int64_t host_bytes,
                 bool frees_slowly);

// A JS handle of `object`, which is released with its parent. `host_bytes` is what it holds of this process's memory. What frees slowly, as
// all that is large does, is freed on a thread of its own.
template <typename T>
Napi::Value wrap(Napi::Env env, std::shared_ptr<T> object, const std::shared_ptr<Box>& parent, int64_t host_bytes = 0,
                 bool frees_slowly = false) {
  return wrap(env, kind_of<T>, std::move(object), parent, host_bytes, frees_slowly);
}

// An ArrayBuffer of memory that `owner` holds. In a thread that is being terminated it cannot be made, or only in part: Node may call the finalizer
// some time or never. So the owner goes at once then, and its place stays. (Napi::ArrayBuffer::New frees what the finalizer reads.)
template <typename Owner>
Napi::Value array_buffer(Napi::Env env, void* memory, size_t bytes, std::unique_ptr<Owner> owner) {
  using Place = std::unique_ptr<Owner>;
  auto* place = new Place(std::move(owner));
  const auto finalize = [](napi_env, void*, void* place) { delete static_cast<Place*>(place); };
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, memory, bytes, finalize, place, &buffer) != napi_ok) {
    place->reset();
    throw Napi::Error::New(env);
  }
  return Napi::Value(env, buffer);
}

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

// A promise of what `finish` makes, on the JS thread, once `work` was done on a worker. What these hold goes on the JS thread, too.
Napi::Promise when_done(Napi::Env env, std::function<void()> work, Finish finish);

// The same on a thread of its own: for what may wait for JavaScript, which itself may wait for the few workers.
Napi::Promise on_own_thread(Napi::Env env, std::function<void()> work, Finish finish);

// The same of the result of `work`.
template <typename T>
struct OffThread {
  static Napi::Promise run(Napi::Env env, std::function<T()> work, std::function<Napi::Value(Napi::Env, T)> finish) {
    auto result = std::make_shared<std::optional<T>>();
    return when_done(
        env, [result, work = std::move(work)] { result->emplace(work()); },
        [result, finish = std::move(finish)](Napi::Env env) { return finish(env, std::move(**result)); });
  }
};

std::string text_of(const Napi::Value& value);
std::string bytes_of(const Napi::Value& value);
std::vector<int64_t> integers_of(const Napi::Value& value);

}  // namespace node_pjrt
