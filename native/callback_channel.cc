#include "callback_channel.h"

#include <deque>
#include <map>
#include <set>
#include <thread>

#include "callback.h"
#include "compile.h"
#include "ffi_extension.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;
constexpr char kEnded[] = "the environment of its JavaScript has ended";

// Of one environment and one plugin, from the environment's first run with it until its last run is over.
class Channel : public Listener, public std::enable_shared_from_this<Channel> {
 public:
  static std::shared_ptr<Channel> open(Napi::Env env, const Plugin& plugin);
  explicit Channel(const Plugin& plugin) : plugin_(plugin) {}
  ~Channel() override;

  PJRT_ExecuteContext* context() const { return context_; }
  void listen(Napi::Env env, const Napi::Function& dispatch);
  std::string ask(std::shared_ptr<Request> request) override;
  void cancel(const char* why);
  void answered(const std::shared_ptr<Request>& request);

 private:
  static void wake(Napi::Env env, Napi::Function dispatch, Channel* channel, void*);
  using Wake = Napi::TypedThreadSafeFunction<Channel, void, wake>;
  void shut_down();

  const Plugin& plugin_;
  const std::thread::id own_thread_ = std::this_thread::get_id();
  PJRT_ExecuteContext* context_ = nullptr;
  std::mutex mutex_;
  bool is_listening_ = false;
  Wake wake_;
  std::deque<std::shared_ptr<Request>> asked_;    // not yet given to JavaScript
  std::set<std::shared_ptr<Request>> under_way_;  // not answered
};

// Channels by plugin, of each environment. An environment's entry goes when it ends.
struct Channels {
  std::mutex mutex;
  std::map<const Environment*, std::map<const Plugin*, std::shared_ptr<Channel>>> of;
};

// Never destroyed: plugin threads may outlive static destructors.
Channels& channels() {
  static auto& one = *new Channels;
  return one;
}

std::shared_ptr<Channel> Channel::open(Napi::Env env, const Plugin& plugin) {
  auto channel = std::make_shared<Channel>(plugin);
  PJRT_ExecuteContext_Create_Args create{};
  call(plugin, PJRT_FUNCTION(ExecuteContext_Create), create);
  channel->context_ = create.context;
  AddUserDataArgs add{};
  add.struct_size = sizeof add;
  add.context = create.context;
  add.type_id = listener_type(plugin.ffi).type_id;
  add.data = static_cast<Listener*>(channel.get());
  if (PJRT_Error* error = ffi_extension_of(plugin.api)->add_user_data(&add)) throw error_of(plugin, error);
  return channel;
}

Channel::~Channel() {
  if (!context_) return;
  PJRT_ExecuteContext_Destroy_Args args{};
  args.context = context_;
  try {
    call(plugin_, PJRT_FUNCTION(ExecuteContext_Destroy), args);
  } catch (const Error&) {
    // There is nobody to tell.
  }
}

void Channel::listen(Napi::Env env, const Napi::Function& dispatch) {
  std::lock_guard<std::mutex> lock(mutex_);
  const bool is_first = !is_listening_;
  if (!is_first) wake_.Release();
  wake_ = Wake::New(env, dispatch, "node_pjrt callback", 0, 1, this);
  // A run that is under way keeps the event loop; that there may be one does not.
  wake_.Unref(env);
  is_listening_ = true;
  if (!asked_.empty()) wake_.NonBlockingCall();
  if (!is_first) return;
  // Hooks run last in, first out: this one before the ThreadSafeFunction's own, and before the one that waits for the environment's runs.
  env.AddCleanupHook([channel = shared_from_this()] { channel->shut_down(); });
}

std::string Channel::ask(std::shared_ptr<Request> request) {
  if (std::this_thread::get_id() == own_thread_) return "a callback waits for the JavaScript thread, on which the program itself runs";
  std::lock_guard<std::mutex> lock(mutex_);
  if (!is_listening_) return "nobody listens: the thread that runs a program registers its callbacks";
  if (exiting()) return kEnded;
  under_way_.insert(request);
  asked_.push_back(std::move(request));
  if (asked_.size() == 1) wake_.NonBlockingCall();
  return "";
}

void Channel::answered(const std::shared_ptr<Request>& request) {
  std::lock_guard<std::mutex> lock(mutex_);
  under_way_.erase(request);
}

void Channel::cancel(const char* why) {
  std::set<std::shared_ptr<Request>> requests;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    requests.swap(under_way_);
    asked_.clear();
  }
  for (const auto& request : requests) request->fail(XLA_FFI_Error_Code_CANCELLED, "the callback " + request->name + ": " + why);
}

void Channel::shut_down() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_listening_ = false;
  }
  cancel(kEnded);
}

std::shared_ptr<Channel> channel_of(Napi::Env env, const Plugin& plugin) {
  const Environment* environment = Environment::of(env).get();
  std::lock_guard<std::mutex> lock(channels().mutex);
  const auto [at, is_first] = channels().of.try_emplace(environment);
  if (is_first)
    env.AddCleanupHook([environment] {
      std::lock_guard<std::mutex> lock(channels().mutex);
      channels().of.erase(environment);
    });
  std::shared_ptr<Channel>& channel = at->second[&plugin];
  if (!channel) channel = Channel::open(env, plugin);
  return channel;
}

// What JavaScript answers with. One that is lost without an answer, with the promise that was to give it, fails its run.
struct Answer {
  std::shared_ptr<Channel> channel;
  std::shared_ptr<Request> request;
  ~Answer() {
    request->fail(XLA_FFI_Error_Code_CANCELLED, "the callback " + request->name + ": its promise is gone, and was never settled");
    channel->answered(request);
  }
};

Napi::Array type_of(Napi::Env env, const Request::Tensor& tensor) {
  Napi::Array dims = Napi::Array::New(env, tensor.dims.size());
  for (uint32_t i = 0; i < tensor.dims.size(); i++) dims.Set(i, static_cast<double>(tensor.dims[i]));
  Napi::Array row = Napi::Array::New(env);
  row.Set(0u, Napi::Number::New(env, tensor.type));
  row.Set(1u, dims);
  return row;
}

// dispatch(answer, name, [[type, dimensions, ArrayBuffer], ...], [[type, dimensions], ...])
void dispatch_to(Napi::Env env, const Napi::Function& dispatch, const std::shared_ptr<Channel>& channel,
                 const std::shared_ptr<Request>& request) {
  Napi::HandleScope scope(env);
  auto* answer = new Answer{channel, request};
  const auto handle = Napi::External<Answer>::New(env, answer, [](Napi::Env, Answer* answer) { delete answer; });
  Napi::Array inputs = Napi::Array::New(env);
  for (const Request::Tensor& input : request->inputs) {
    Napi::Array row = type_of(env, input);
    row.Set(2u, array_buffer(env, input.memory.get(), input.bytes, std::make_unique<std::shared_ptr<void>>(input.memory)));
    inputs.Set(inputs.Length(), row);
  }
  Napi::Array results = Napi::Array::New(env);
  for (const Request::Tensor& result : request->results) results.Set(results.Length(), type_of(env, result));
  // Its memory is the arrays' now.
  request->inputs.clear();
  dispatch.Call({handle, Napi::String::New(env, request->name), inputs, results});
}

void Channel::wake(Napi::Env env, Napi::Function dispatch, Channel* raw, void*) {
  if (!env) return;
  const std::shared_ptr<Channel> channel = raw->shared_from_this();
  std::deque<std::shared_ptr<Request>> asked;
  {
    std::lock_guard<std::mutex> lock(channel->mutex_);
    asked.swap(channel->asked_);
  }
  for (const auto& request : asked) {
    try {
      dispatch_to(env, dispatch, channel, request);
    } catch (...) {
      // The environment is ending.
      request->fail(XLA_FFI_Error_Code_CANCELLED, "the callback " + request->name + ": " + kEnded);
      channel->answered(request);
    }
  }
}

// listen(plugin, dispatch): from now on dispatch is called for the callbacks of this environment's runs, in place of the one before: where the
// library is loaded anew, its callbacks are other ones.
Napi::Value listen(Info info) {
  const Plugin& plugin = plugin_of(info[0]);
  require_ffi(plugin);
  channel_of(info.Env(), plugin)->listen(info.Env(), info[1].As<Napi::Function>());
  return info.Env().Undefined();
}

Answer& answer_of(const Napi::Value& value) { return *value.As<Napi::External<Answer>>().Data(); }

// finish(answer, [Uint8Array, ...]): an array a result, of its bytes.
Napi::Value finish(Info info) {
  Answer& answer = answer_of(info[0]);
  const auto arrays = info[1].As<Napi::Array>();
  std::vector<const void*> values;
  for (uint32_t i = 0; i < arrays.Length(); i++) values.push_back(arrays.Get(i).As<Napi::Uint8Array>().Data());
  answer.request->finish(values);
  answer.channel->answered(answer.request);
  return info.Env().Undefined();
}

// fail(answer, code, message)
Napi::Value fail(Info info) {
  Answer& answer = answer_of(info[0]);
  answer.request->fail(info[1].As<Napi::Number>().Int32Value(), text_of(info[2]));
  answer.channel->answered(answer.request);
  return info.Env().Undefined();
}

}  // namespace

std::shared_ptr<PJRT_ExecuteContext> run_context(Napi::Env env, const Plugin& plugin) {
  if (!plugin.ffi) return nullptr;
  const std::shared_ptr<Channel> channel = channel_of(env, plugin);
  return std::shared_ptr<PJRT_ExecuteContext>(channel, channel->context());
}

void cancel_callbacks() {
  std::vector<std::shared_ptr<Channel>> all;
  {
    std::lock_guard<std::mutex> lock(channels().mutex);
    for (const auto& [_, of] : channels().of)
      for (const auto& [__, channel] : of) all.push_back(channel);
  }
  for (const auto& channel : all) channel->cancel("the process is exiting");
}

void export_callback_channel(Napi::Env env, Napi::Object exports) {
  exports.Set("listen", Napi::Function::New<guarded<listen>>(env));
  exports.Set("finishCallback", Napi::Function::New<guarded<finish>>(env));
  exports.Set("failCallback", Napi::Function::New<guarded<fail>>(env));
}

}  // namespace node_pjrt
