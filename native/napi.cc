#include "napi.h"

#include "drop.h"
#include <system_error>
#include <thread>

namespace node_pjrt {

struct Pending {
  std::shared_ptr<Environment> environment;
  std::optional<Owned<PJRT_Event>> event;  // what it waits for, where that is no thread
  std::optional<InFlight> in_flight;  // ends on the plugin's thread, as soon as the event is ready
  std::optional<Error> error;
  Napi::Promise::Deferred deferred;
  Finish finish;
};

void Environment::create(Napi::Env env) {
  auto environment = std::make_shared<Environment>();
  environment->wake_ = Wake::New(env, "node_pjrt", 0, 1, environment.get());
  environment->wake_.Unref(env);
  // Hooks run last in, first out: this one before the ThreadSafeFunction's own.
  env.AddCleanupHook([environment] { environment->shut_down(); });
  env.SetInstanceData(new std::shared_ptr<Environment>(environment));
}

void Environment::begin(Napi::Env env, std::unique_ptr<Pending> pending) {
  PJRT_Event_OnReady_Args args{};
  args.event = pending->event->get();
  args.user_arg = pending.get();
  args.callback = [](PJRT_Error* error, void* argument) {
    auto* pending = static_cast<Pending*>(argument);
    if (error) pending->error = error_of(pending->event->plugin(), error);
    pending->in_flight.reset();
    pending->environment->ready(pending);
  };
  expect(env);
  const Plugin& plugin = pending->event->plugin();
  Pending* raw = pending.release();  // the callback's from here on: it may run before OnReady returns
  try {
    call(plugin, PJRT_FUNCTION(Event_OnReady), args);
  } catch (const Error& error) {
    raw->error = error;
    raw->in_flight.reset();
    ready(raw);
  }
}

void Environment::expect(Napi::Env env) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (pending_++ == 0) wake_.Ref(env);
}

void Environment::ready(Pending* pending) {
  std::lock_guard<std::mutex> lock(mutex_);
  const bool first = ready_.empty();
  ready_.emplace_back(pending);
  if (alive_ && first) wake_.NonBlockingCall();
  changed_.notify_all();
}

void Environment::wake(Napi::Env env, Napi::Function, Environment* environment, void*) {
  if (env) environment->settle_ready(env);
}

void Environment::settle_ready(Napi::Env env) {
  std::deque<std::unique_ptr<Pending>> ready;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ready.swap(ready_);
    pending_ -= ready.size();
    if (pending_ == 0) wake_.Unref(env);
  }
  for (const std::unique_ptr<Pending>& pending : ready) {
    settle(env, pending->deferred, [&] {
      if (pending->error) throw *pending->error;
      return pending->finish(env);
    });
  }
}

// The environment ends, perhaps by worker.terminate(). A program cannot be cancelled, so what this environment waits for is waited for
// here, as Node itself waits for libuv's workers; what takes longer keeps its memory until it is done.
void Environment::shut_down() {
  std::deque<std::unique_ptr<Pending>> ready;
  std::unique_lock<std::mutex> lock(mutex_);
  alive_ = false;
  changed_.wait_for(lock, std::chrono::seconds(5), [this] { return ready_.size() == pending_; });
  ready.swap(ready_);
  pending_ -= ready.size();
  lock.unlock();
}

Napi::Error to_js(Napi::Env env, const Error& error) {
  Napi::Error result = Napi::Error::New(env, error.what());
  result.Set("code", Napi::Number::New(env, error.code));
  if (*error.missing) result.Set("missing", error.missing);
  return result;
}

void Box::release(Napi::Env env) noexcept {
  if (!object) return;
  while (!children.empty()) (*children.begin())->release(env);
  if (const std::shared_ptr<Box> above = parent.lock()) above->children.erase(this);
  // Here it would hold up the event loop.
  constexpr int64_t kLarge = int64_t{4} << 20;
  if (frees_slowly || host_bytes >= kLarge) drop_elsewhere(std::move(object));
  object.reset();
  environment->live_handles--;
  int64_t ignored;
  napi_adjust_external_memory(env, -host_bytes, &ignored);
}

std::shared_ptr<Box> box_of(const Napi::Value& value) { return *value.As<Napi::External<std::shared_ptr<Box>>>().Data(); }

Napi::Value wrap(Napi::Env env, std::shared_ptr<void> object, const std::shared_ptr<Box>& parent, int64_t host_bytes, bool frees_slowly) {
  if (parent && !parent->object) throw Error(kDisposed, "what a new handle belongs to was disposed before it was there");
  auto box = std::make_shared<Box>();
  box->object = std::move(object);
  box->environment = Environment::of(env);
  box->parent = parent;
  box->host_bytes = host_bytes;
  box->frees_slowly = frees_slowly;
  if (parent) parent->children.insert(box.get());
  box->environment->live_handles++;
  // Garbage collection runs sooner when it knows what a handle holds.
  Napi::MemoryManagement::AdjustExternalMemory(env, host_bytes);
  return Napi::External<std::shared_ptr<Box>>::New(env, new std::shared_ptr<Box>(box), [](Napi::Env env, std::shared_ptr<Box>* box) {
    (*box)->release(env);
    delete box;
  });
}

void settle(Napi::Env env, const Napi::Promise::Deferred& deferred, const std::function<Napi::Value()>& value) noexcept {
  try {
    Napi::HandleScope scope(env);
    try {
      deferred.Resolve(value());
    } catch (const Error& error) {
      deferred.Reject(to_js(env, error).Value());
    }
  } catch (...) {
    // The environment is ending.
  }
}

Napi::Promise when_ready(Napi::Env env, Owned<PJRT_Event> event, Finish finish) {
  const std::shared_ptr<Environment> environment = Environment::of(env);
  const auto deferred = Napi::Promise::Deferred::New(env);
  std::unique_ptr<Pending> pending(
      new Pending{environment, std::move(event), std::nullopt, std::nullopt, deferred, std::move(finish)});
  pending->in_flight.emplace();
  environment->begin(env, std::move(pending));
  return deferred.Promise();
}

Napi::Promise on_own_thread(Napi::Env env, std::function<void()> work, Finish finish) {
  const std::shared_ptr<Environment> environment = Environment::of(env);
  const auto deferred = Napi::Promise::Deferred::New(env);
  std::unique_ptr<Pending> pending(
      new Pending{environment, std::nullopt, std::nullopt, std::nullopt, deferred, std::move(finish)});
  pending->in_flight.emplace();
  environment->expect(env);
  Pending* raw = pending.release();
  auto run = [raw, work = std::move(work)]() mutable {
    try {
      work();
    } catch (const Error& error) {
      raw->error = error;
    } catch (const std::exception& error) {
      raw->error = Error(PJRT_Error_Code_INTERNAL, error.what());
    }
    // What it holds goes before the process may.
    work = nullptr;
    raw->in_flight.reset();
    raw->environment->ready(raw);
  };
  try {
    std::thread(std::move(run)).detach();
  } catch (const std::system_error& error) {
    raw->error = Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, std::string("a run with callbacks has a thread of its own: ") + error.what());
    raw->in_flight.reset();
    environment->ready(raw);
  }
  return deferred.Promise();
}

std::string text_of(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }

std::string bytes_of(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
}

std::vector<int64_t> integers_of(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int64_t> numbers(array.Length());
  for (uint32_t i = 0; i < numbers.size(); i++) numbers[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return numbers;
}

}  // namespace node_pjrt
