#include "run.h"

#include <exception>
#include <numeric>

#include "callback_channel.h"
#include "host.h"
#include "memory.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;
using std::chrono::steady_clock;

// upload(client, device index, memory index or -1 for the device's own, type, dimensions, bytes). The bytes are copied before it returns.
Napi::Value upload(Info info) {
  const auto bytes = info[5].As<Napi::Uint8Array>();
  static const char nothing = 0;
  const void* data = bytes.ByteLength() ? static_cast<const void*>(bytes.Data()) : &nothing;
  Uploaded uploaded = destination_of(info).upload(data, PJRT_HostBufferSemantics_kImmutableOnlyDuringCall);
  return wrap(info.Env(), std::move(uploaded.buffer), box_of(info[0]), static_cast<int64_t>(bytes.ByteLength()));
}

// read(buffer, byte length): an ArrayBuffer, row-major whatever the layout on the device.
Napi::Value read(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  const auto size = static_cast<size_t>(info[1].As<Napi::Number>().Int64Value());
  // Not an ArrayBuffer's memory: that goes with its environment, and the plugin may write for longer.
  const std::shared_ptr<void> memory = host_memory(size, Contents::kAny);
  return when_ready(info.Env(), read_into(*buffer, memory.get(), size), [buffer, memory, size](Napi::Env env) -> Napi::Value {
    return array_buffer(env, memory.get(), size, std::make_unique<std::shared_ptr<void>>(memory));
  });
}

// ready(buffer): settles when the buffer holds its value.
Napi::Value ready(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  const Plugin& plugin = buffer->client->plugin;
  PJRT_Buffer_ReadyEvent_Args args{};
  args.buffer = buffer->buffer.get();
  call(plugin, PJRT_FUNCTION(Buffer_ReadyEvent), args);
  return when_ready(info.Env(), Owned<PJRT_Event>(plugin, args.event), [buffer](Napi::Env env) { return env.Undefined(); });
}

// One run of a program on its devices. `inputs` and `outputs` are those of the first device, then those of the next.
struct Run {
  std::shared_ptr<Executable> executable;
  size_t devices = 1;
  std::vector<std::shared_ptr<Buffer>> inputs;
  std::vector<int64_t> output_bytes;  // of one device
  std::vector<Owned<PJRT_Buffer>> outputs;

  // Returns the events of its completion, one a device. The CPU plugin computes before it returns, all but large matrix products.
  std::vector<Owned<PJRT_Event>> launch() {
    const Plugin& plugin = executable->plugin;
    const size_t taken = inputs.size() / devices, given = output_bytes.size();
    std::vector<PJRT_Buffer*> arguments;
    for (const auto& input : inputs) arguments.push_back(input->buffer.get());
    std::vector<PJRT_Buffer*> results(devices * given);
    std::vector<PJRT_Buffer* const*> argument_lists;
    std::vector<PJRT_Buffer**> result_lists;
    for (size_t device = 0; device < devices; device++) {
      argument_lists.push_back(arguments.data() + device * taken);
      result_lists.push_back(results.data() + device * given);
    }
    std::vector<PJRT_Event*> done(devices);
    PJRT_ExecuteOptions options{};
    options.struct_size = PJRT_ExecuteOptions_STRUCT_SIZE;
    options.context = executable->run_context.get();
    PJRT_LoadedExecutable_Execute_Args args{};
    args.executable = executable->loaded.get();
    args.options = &options;
    args.argument_lists = argument_lists.data();
    args.num_devices = devices;
    args.num_args = taken;
    args.output_lists = result_lists.data();
    args.device_complete_events = done.data();
    call(plugin, PJRT_FUNCTION(LoadedExecutable_Execute), args);
    for (PJRT_Buffer* result : results) outputs.emplace_back(plugin, result);
    std::vector<Owned<PJRT_Event>> events;
    for (PJRT_Event* event : done) events.emplace_back(plugin, event);
    return events;
  }

  Napi::Value finish(Napi::Env env, const std::shared_ptr<Box>& parent) {
    Napi::Array list = Napi::Array::New(env, outputs.size());
    for (uint32_t i = 0; i < outputs.size(); i++) {
      auto buffer = std::shared_ptr<Buffer>(new Buffer{executable->client, std::move(outputs[i])});
      list.Set(i, wrap(env, std::move(buffer), parent, output_bytes[i % output_bytes.size()]));
    }
    return list;
  }
};

// Waits for every one, also where one before it failed. Throws the first error.
void await_all(const Plugin& plugin, const std::vector<Owned<PJRT_Event>>& events) {
  std::exception_ptr first;
  for (const auto& event : events) {
    try {
      await(plugin, event.get());
    } catch (const Error&) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

// A program that runs inline settles its promise within the same turn of the event loop, so a chain of small runs would never let a timer
// fire. After this much time the next run goes by way of a worker, and with that round the loop.
constexpr std::chrono::milliseconds kInlineTurn{5};

// Where a run is launched, as lib/pjrt/native.ts has it. What is dispatched is not waited for.
enum class Where { kHere = 0, kWorker = 1, kOwnThread = 2, kDispatched = 3 };

// Hands out the outputs of a run that goes on. It counts as work until it is over; that it failed, its outputs say.
Napi::Value dispatched(Napi::Env env, const std::shared_ptr<Run>& run, std::vector<Owned<PJRT_Event>> events, const std::shared_ptr<Box>& parent) {
  const Napi::Value outputs = run->finish(env, parent);
  for (Owned<PJRT_Event>& event : events) {
    const Napi::Object over = when_ready(env, std::move(event), [run](Napi::Env env) { return env.Undefined(); }).As<Napi::Object>();
    const auto nothing = Napi::Function::New(env, [](Info) {});
    over.Get("catch").As<Napi::Function>().Call(over, {nothing});
  }
  return outputs;
}

// execute(executable, client, devices, inputs device by device, output byte lengths of one device, where): outputs device by device. Of
// several devices never here: the launch waits for all of them.
Napi::Value execute(Info info) {
  const Napi::Env env = info.Env();
  auto run = std::make_shared<Run>();
  run->executable = unwrap<Executable>(info[0]);
  const auto parent = box_of(info[1]);
  run->devices = info[2].As<Napi::Number>().Uint32Value();
  const auto inputs = info[3].As<Napi::Array>();
  for (uint32_t i = 0; i < inputs.Length(); i++) run->inputs.push_back(unwrap<Buffer>(inputs.Get(i)));
  run->output_bytes = integers_of(info[4]);
  if (!run->executable->run_context) run->executable->run_context = run_context(env, run->executable->plugin);
  const auto where = static_cast<Where>(info[5].As<Napi::Number>().Int32Value());
  if (where == Where::kOwnThread)
    return on_own_thread(
        env, [run] { await_all(run->executable->plugin, run->launch()); },
        [run, parent](Napi::Env env) { return run->finish(env, parent); });
  const auto environment = Environment::of(env);
  const bool is_dispatched = where == Where::kDispatched;
  if (is_dispatched && (run->devices > 1 || environment->inline_time > kInlineTurn)) {
    const auto events = std::make_shared<std::vector<Owned<PJRT_Event>>>();
    return OffThread<std::shared_ptr<Run>>::run(
        env,
        [run, events] {
          *events = run->launch();
          return run;
        },
        [parent, events](Napi::Env env, std::shared_ptr<Run> run) { return dispatched(env, run, std::move(*events), parent); });
  }
  if (run->devices > 1 || where == Where::kWorker || environment->inline_time > kInlineTurn) {
    return OffThread<std::shared_ptr<Run>>::run(
        env,
        [run] {
          await_all(run->executable->plugin, run->launch());
          return run;
        },
        [parent](Napi::Env env, std::shared_ptr<Run> run) { return run->finish(env, parent); });
  }
  const auto start = steady_clock::now();
  std::vector<Owned<PJRT_Event>> done = run->launch();
  environment->inline_time += steady_clock::now() - start;
  if (is_dispatched) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Resolve(dispatched(env, run, std::move(done), parent));
    return deferred.Promise();
  }
  return when_ready(env, std::move(done.front()), [run, parent](Napi::Env env) { return run->finish(env, parent); });
}

}  // namespace

Destination destination_of(Info info) {
  auto client = unwrap<Client>(info[0]);
  const uint32_t device = info[1].As<Napi::Number>().Uint32Value();
  const int32_t memory = info[2].As<Napi::Number>().Int32Value();
  PJRT_Memory* place = memory >= 0 ? memories_of(*client, device).at(static_cast<size_t>(memory)) : nullptr;
  PJRT_Device* on = client->devices.at(device);
  return {std::move(client), on, place, static_cast<PJRT_Buffer_Type>(info[3].As<Napi::Number>().Int32Value()), integers_of(info[4])};
}

Uploaded Destination::upload(const void* data, PJRT_HostBufferSemantics semantics) const {
  PJRT_Client_BufferFromHostBuffer_Args args{};
  args.client = client->client.get();
  args.device = device;
  args.memory = memory;
  args.type = type;
  args.dims = dims.data();
  args.num_dims = dims.size();
  args.data = data;
  args.host_buffer_semantics = semantics;
  call(client->plugin, PJRT_FUNCTION(Client_BufferFromHostBuffer), args);
  Owned<PJRT_Event> done(client->plugin, args.done_with_host_buffer);
  return {std::shared_ptr<Buffer>(new Buffer{client, Owned<PJRT_Buffer>(client->plugin, args.buffer)}), std::move(done)};
}

Owned<PJRT_Event> read_into(const Buffer& buffer, void* to, size_t bytes) {
  const Plugin& plugin = buffer.client->plugin;
  PJRT_Buffer_Dimensions_Args dims{};
  dims.buffer = buffer.buffer.get();
  call(plugin, PJRT_FUNCTION(Buffer_Dimensions), dims);
  std::vector<int64_t> minor_to_major(dims.num_dims);
  std::iota(minor_to_major.rbegin(), minor_to_major.rend(), 0);
  PJRT_Buffer_MemoryLayout layout{};
  layout.struct_size = PJRT_Buffer_MemoryLayout_STRUCT_SIZE;
  layout.type = PJRT_Buffer_MemoryLayout_Type_Tiled;
  layout.tiled.struct_size = PJRT_Buffer_MemoryLayout_Tiled_STRUCT_SIZE;
  layout.tiled.minor_to_major = minor_to_major.data();
  layout.tiled.minor_to_major_size = minor_to_major.size();
  PJRT_Buffer_ToHostBuffer_Args args{};
  args.src = buffer.buffer.get();
  args.host_layout = &layout;
  args.dst = to;
  args.dst_size = bytes;
  call(plugin, PJRT_FUNCTION(Buffer_ToHostBuffer), args);
  return Owned<PJRT_Event>(plugin, args.event);
}

void export_run(Napi::Env env, Napi::Object exports) {
  exports.Set("upload", Napi::Function::New<guarded<upload>>(env));
  exports.Set("read", Napi::Function::New<guarded<read>>(env));
  exports.Set("ready", Napi::Function::New<guarded<ready>>(env));
  exports.Set("execute", Napi::Function::New<guarded<execute>>(env));
}

}  // namespace node_pjrt
