#include "store.h"

#include <cstdlib>
#include <cstring>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "napi.h"

namespace node_pjrt {

namespace {

struct Answer {
  int code = 0;  // a PJRT_Error_Code, 0 where there is none
  std::string text;  // the value, or what went wrong
};

struct Question {
  const char* operation;
  std::string key;
  std::string value;
  int timeout_ms = 0;
  std::promise<Answer> answer;
  bool is_answered = false;  // under the store's mutex
};

}  // namespace

using Work = std::function<void(Napi::Env, Napi::Function)>;

class KeyValueStore : public std::enable_shared_from_this<KeyValueStore> {
 public:
  KeyValueStore(Napi::Env env, const Napi::Function& ask) : thread_(std::this_thread::get_id()) {
    wake_ = Napi::ThreadSafeFunction::New(env, ask, "node_pjrt key-value store", 0, 1);
    wake_.Unref(env);
  }

  // Has `work` done on the JS thread; false where that has ended. Under the mutex.
  bool post(Work work) {
    if (!alive_) return false;
    auto owned = std::make_unique<Work>(std::move(work));
    const auto called = wake_.NonBlockingCall(owned.get(), [](Napi::Env env, Napi::Function ask, Work* given) {
      const std::unique_ptr<Work> work(given);
      if (env) (*work)(env, ask);
    });
    if (called == napi_ok) owned.release();
    return called == napi_ok;
  }

  Napi::Promise beside(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> finish) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    wake_.Ref(env);
    std::thread([store = shared_from_this(), deferred, work = std::move(work), finish = std::move(finish)] {
      const InFlight in_flight;
      std::optional<Error> error;
      try {
        work();
      } catch (const Error& one) {
        error = one;
      } catch (const std::exception& one) {
        error = Error(PJRT_Error_Code_INTERNAL, one.what());
      }
      std::lock_guard<std::mutex> lock(store->mutex_);
      store->post([store, deferred, error, finish](Napi::Env env, Napi::Function) {
        store->wake_.Unref(env);
        node_pjrt::settle(env, deferred, [&] {
          if (error) throw *error;
          return finish(env);
        });
      });
    }).detach();
    return deferred.Promise();
  }

  // Hooks run last in, first out: this one before the ThreadSafeFunction's own.
  void end_with(Napi::Env env) {
    env.AddCleanupHook([store = shared_from_this()] { store->end(); });
  }

  Answer ask(const char* operation, std::string key, std::string value, int timeout_ms) {
    // The answer would come from the thread that waits for it.
    if (std::this_thread::get_id() == thread_) return {PJRT_Error_Code_FAILED_PRECONDITION, "a key-value store is asked on another thread"};
    auto question = std::make_shared<Question>();
    question->operation = operation;
    question->key = std::move(key);
    question->value = std::move(value);
    question->timeout_ms = timeout_ms;
    std::future<Answer> answer = question->answer.get_future();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      open_.insert(question);
      if (!post([this, question](Napi::Env env, Napi::Function ask) { put(env, ask, question); })) {
        open_.erase(question);
        return ended();
      }
    }
    return answer.get();
  }

 private:
  static Answer ended() { return {PJRT_Error_Code_CANCELLED, "the thread that has the key-value store ended"}; }

  void put(Napi::Env env, Napi::Function ask, const std::shared_ptr<Question>& question) {
    const auto store = shared_from_this();
    const auto answer = [store, question](const Napi::CallbackInfo& info) {
      store->settle(question, {info[0].As<Napi::Number>().Int32Value(), bytes_of(info[1])});
    };
    try {
      Napi::HandleScope scope(env);
      const auto value = Napi::Buffer<char>::Copy(env, question->value.data(), question->value.size());
      ask.Call({Napi::String::New(env, question->operation), Napi::String::New(env, question->key), value,
                Napi::Number::New(env, question->timeout_ms), Napi::Function::New(env, answer)});
    } catch (...) {
      settle(question, {PJRT_Error_Code_INTERNAL, "the key-value store threw"});
    }
  }

  void settle(const std::shared_ptr<Question>& question, Answer answer) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(question->is_answered, true)) return;
    open_.erase(question);
    question->answer.set_value(std::move(answer));
  }

  void end() {
    std::lock_guard<std::mutex> lock(mutex_);
    alive_ = false;
    for (const auto& question : open_) {
      question->is_answered = true;
      question->answer.set_value(ended());
    }
    open_.clear();
  }

  const std::thread::id thread_;
  std::mutex mutex_;
  bool alive_ = true;
  std::set<std::shared_ptr<Question>> open_;
  Napi::ThreadSafeFunction wake_;
};

namespace {

PJRT_Error* error_of(PJRT_CallbackError* make, const Answer& answer) {
  return (*make)(static_cast<PJRT_Error_Code>(answer.code), answer.text.data(), answer.text.size());
}

template <typename Args>
PJRT_Error* give_value(Args* args, const Answer& answer) {
  if (answer.code) return error_of(args->callback_error, answer);
  args->value = static_cast<char*>(std::malloc(answer.text.size() + 1));
  std::memcpy(args->value, answer.text.data(), answer.text.size());
  args->value_size = answer.text.size();
  args->value_deleter_callback = [](char* value) { std::free(value); };
  return nullptr;
}

PJRT_Error* get(PJRT_KeyValueGetCallback_Args* args) {
  auto* store = static_cast<KeyValueStore*>(args->user_arg);
  return give_value(args, store->ask("get", std::string(args->key, args->key_size), "", args->timeout_in_ms));
}

PJRT_Error* try_get(PJRT_KeyValueTryGetCallback_Args* args) {
  auto* store = static_cast<KeyValueStore*>(args->user_arg);
  return give_value(args, store->ask("tryGet", std::string(args->key, args->key_size), "", 0));
}

PJRT_Error* put(PJRT_KeyValuePutCallback_Args* args) {
  auto* store = static_cast<KeyValueStore*>(args->user_arg);
  const Answer answer = store->ask("put", std::string(args->key, args->key_size), std::string(args->value, args->value_size), 0);
  return answer.code ? error_of(args->callback_error, answer) : nullptr;
}

}  // namespace

std::shared_ptr<KeyValueStore> store_of(Napi::Env env, const Napi::Function& ask) {
  auto store = std::make_shared<KeyValueStore>(env, ask);
  store->end_with(env);
  return store;
}

void give_store(PJRT_Client_Create_Args& args, KeyValueStore* store) {
  args.kv_get_callback = get;
  args.kv_get_user_arg = store;
  args.kv_put_callback = put;
  args.kv_put_user_arg = store;
  args.kv_try_get_callback = try_get;
  args.kv_try_get_user_arg = store;
}

Napi::Promise beside_store(Napi::Env env, const std::shared_ptr<KeyValueStore>& store, std::function<void()> work,
                           std::function<Napi::Value(Napi::Env)> finish) {
  return store->beside(env, std::move(work), std::move(finish));
}

}  // namespace node_pjrt
