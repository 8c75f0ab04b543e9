#include "napi.h"

#include "drop.h"
#include "host.h"
#include "workers.h"

namespace node_pjrt {

struct Pending {
  std::shared_ptr<Environment> environment;
  Counted counted;
  std::optional<Napi::Promise::Deferred> deferred;  // none where there is nobody to tell
  Finish finish;
  std::optional<Owned<PJRT_Event>> event;
  std::function<void()> work;
  std::optional<InFlight> in_flight = std::nullopt;  // ends on the thread that it was done on, before it is ready
  std::optional<Error> error = std::nullopt;
};

void Environment::create(Napi::Env env) {
  auto environment = std::make_shared<Environment>();
  environment->wake_ = Wake::New(env, "node_pjrt", 0, 1, environment.get());
  environment->wake_.Unref(env);
  // Hooks run last in, first out: this one before the ThreadSafeFunction's own.
  env.AddCleanupHook([environment] { environment->shut_down(); });
  env.SetInstanceData(new std::shared_ptr<Environment>(environment));
}

void Environment::begin(Napi::Env env) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (pending_++ == 0) wake_.Ref(env);
}

namespace {

// Of an environment that has ended there is nobody to tell. What the promise holds is the plugin's: it goes as work does, which an exit waits for, and
// stays where the process is leaving.
void let_go(Pending* pending) noexcept {
  try {
    run_on_worker([pending] {
      const InFlight in_flight;
      if (!exiting()) delete pending;
    });
  } catch (const Error&) {
    // It stays.
  }
}

}  // namespace

void Environment::ready(Pending* pending) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (state_ != State::kEnded) {
      const bool first = ready_.empty();
      ready_.emplace_back(pending);
      if (state_ == State::kAlive && first) wake_.NonBlockingCall();
      changed_.notify_all();
      return;
    }
  }
  let_go(pending);
}

bool Environment::alive() {
  std::lock_guard<std::mutex> lock(mutex_);
  return state_ == State::kAlive;
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
    if (pending->work) inline_time = {};
    if (!pending->deferred) continue;
    settle(env, *pending->deferred, [&] {
      if (pending->error) throw *pending->error;
      return pending->finish(env);
    });
  }
}

// The environment ends, perhaps by worker.terminate(). A program cannot be cancelled, so what runs is waited for here; what takes longer keeps its
// memory until it is done, and what has not begun does not begin. A process that is leaving has waited already.
void Environment::shut_down() {
  std::deque<std::unique_ptr<Pending>> ready;
  std::unique_lock<std::mutex> lock(mutex_);
  state_ = State::kEnding;
  if (!exiting()) changed_.wait_for(lock, kEndLimit, [this] { return ready_.size() == pending_; });
  state_ = State::kEnded;
  ready.swap(ready_);
  // The process may be about to exit without `drain`: its main thread has not loaded the addon.
  if (ready.size() < pending_) skip_destructors();
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
  if (frees_slowly || host_bytes >= static_cast<int64_t>(kLargeBytes)) drop_elsewhere(std::move(object));
  object.reset();
  counted.reset();
  int64_t ignored;
  napi_adjust_external_memory(env, -host_bytes, &ignored);
}

std::shared_ptr<Box> box_of(const Napi::Value& value) { return *value.As<Napi::External<std::shared_ptr<Box>>>().Data(); }

Napi::Value wrap(Napi::Env env, Kind kind, std::shared_ptr<void> object, const std::shared_ptr<Box>& parent, int64_t host_bytes,
                 bool frees_slowly) {
  if (parent && !parent->object) throw Error(kDisposed, "what a new handle belongs to was disposed before it was there");
  auto box = std::make_shared<Box>();
  box->object = std::move(object);
  box->environment = Environment::of(env);
  box->parent = parent;
  box->host_bytes = host_bytes;
  box->frees_slowly = frees_slowly;
  if (parent) parent->children.insert(box.get());
  box->counted.emplace(box->environment->counts, kind, host_bytes);
  // Garbage collection runs sooner when it knows what a handle holds.
  Napi::MemoryManagement::AdjustExternalMemory(env, host_bytes);
  auto owner = std::make_unique<std::shared_ptr<Box>>(box);
  try {
    const auto external = Napi::External<std::shared_ptr<Box>>::New(env, owner.get(), [](Napi::Env env, std::shared_ptr<Box>* box) {
      (*box)->release(env);
      delete box;
    });
    owner.release();
    return external;
  } catch (...) {
    // The thread is being terminated.
    box->release(env);
    throw;
  }
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
  // A thread that is being terminated makes no promise; what the plugin still writes to is waited for all the same.
  std::optional<Napi::Promise::Deferred> deferred;
  std::exception_ptr failure;
  try {
    deferred = Napi::Promise::Deferred::New(env);
  } catch (const Napi::Error&) {
    failure = std::current_exception();
  }
  const Plugin& plugin = event.plugin();
  auto* pending = new Pending{environment, {environment->counts, Kind::kOperation}, deferred, std::move(finish), std::move(event), nullptr};
  pending->in_flight.emplace();
  environment->begin(env);
  PJRT_Event_OnReady_Args args{};
  args.event = pending->event->get();
  args.user_arg = pending;
  args.callback = [](PJRT_Error* error, void* argument) {
    auto* pending = static_cast<Pending*>(argument);
    if (error) pending->error = error_of(pending->event->plugin(), error);
    pending->in_flight.reset();
    pending->environment->ready(pending);
  };
  try {
    call(plugin, PJRT_FUNCTION(Event_OnReady), args);  // the callback may run before it returns
  } catch (const Error& error) {
    pending->error = error;
    pending->in_flight.reset();
    environment->ready(pending);
  }
  if (failure) std::rethrow_exception(failure);
  return deferred->Promise();
}

namespace {

void do_work(Pending* pending) {
  pending->in_flight.emplace();
  try {
    if (exiting() || !pending->environment->alive()) throw Error(PJRT_Error_Code_CANCELLED, "the process or its thread is ending");
    pending->work();
  } catch (const Error& error) {
    pending->error = error;
  } catch (const std::exception& error) {
    pending->error = Error(PJRT_Error_Code_INTERNAL, error.what());
  }
  pending->in_flight.reset();
  pending->environment->ready(pending);
}

Napi::Promise work_on(void (*thread)(std::function<void()>), Napi::Env env, std::function<void()> work, Finish finish) {
  const std::shared_ptr<Environment> environment = Environment::of(env);
  const auto deferred = Napi::Promise::Deferred::New(env);
  std::unique_ptr<Pending> pending(new Pending{
      environment, {environment->counts, Kind::kOperation}, deferred, std::move(finish), std::nullopt, std::move(work)});
  thread([pending = pending.get()] { do_work(pending); });
  environment->begin(env);
  pending.release();
  return deferred.Promise();
}

}  // namespace

Napi::Promise when_done(Napi::Env env, std::function<void()> work, Finish finish) {
  return work_on(run_on_worker, env, std::move(work), std::move(finish));
}

Napi::Promise on_own_thread(Napi::Env env, std::function<void()> work, Finish finish) {
  return work_on(run_on_own_thread, env, std::move(work), std::move(finish));
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
