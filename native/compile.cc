#include "compile.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "napi.h"
#include "share.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

Napi::String string_of(Napi::Env env, const char* text, size_t size) { return Napi::String::New(env, std::string(text, size)); }
Napi::Number number_of(Napi::Env env, int64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

Napi::Value js_value(Napi::Env env, const PJRT_NamedValue& value) {
  switch (value.type) {
    case PJRT_NamedValue_kString:
      return string_of(env, value.string_value, value.value_size);
    case PJRT_NamedValue_kInt64:
      return number_of(env, value.int64_value);
    case PJRT_NamedValue_kInt64List: {
      Napi::Array list = Napi::Array::New(env, value.value_size);
      for (uint32_t i = 0; i < value.value_size; i++) list.Set(i, number_of(env, value.int64_array_value[i]));
      return list;
    }
    case PJRT_NamedValue_kFloat:
      return Napi::Number::New(env, value.float_value);
    case PJRT_NamedValue_kBool:
      return Napi::Boolean::New(env, value.bool_value);
  }
  return env.Undefined();
}

// ---- plugins

Napi::Value plugin_facts(Napi::Env env, const Plugin& plugin) {
  Napi::Object facts = Napi::Object::New(env);
  facts.Set("raw", Napi::External<void>::New(env, const_cast<Plugin*>(&plugin)));
  facts.Set("ffiProblem", plugin.ffi_problem);
  PJRT_Plugin_Attributes_Args args{};
  call(plugin, PJRT_FUNCTION(Plugin_Attributes), args);
  facts.Set("attributes", js_values(env, args.attributes, args.num_attributes));
  return facts;
}

// Sets a variable of the process (process.env of a worker is a copy), unless it is set: `append` adds a word to it then, once.
void set_variable(const std::string& name, const std::string& value, bool append) {
  const char* now = std::getenv(name.c_str());
  if (!now || !*now) {
    setenv(name.c_str(), value.c_str(), 1);
  } else if (append && std::string_view(now).find(value) == std::string_view::npos) {
    setenv(name.c_str(), (now + (" " + value)).c_str(), 1);
  }
}

// setEnvironment([[name, value, append], ...]). On the JS thread, since setenv must not meet a getenv: that is where Node reads
// variables.
Napi::Value set_environment(Info info) {
  const auto rows = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < rows.Length(); i++) {
    const auto row = rows.Get(i).As<Napi::Array>();
    set_variable(text_of(row.Get(0u)), text_of(row.Get(1u)), row.Get(2u).As<Napi::Boolean>());
  }
  return info.Env().Undefined();
}

// loadPlugin(path)
Napi::Value load(Info info) {
  return OffThread<const Plugin*>::run(
      info.Env(), [path = text_of(info[0])] { return &load_plugin(path); },
      [](Napi::Env env, const Plugin* plugin) { return plugin_facts(env, *plugin); });
}

// ---- devices

Napi::Object description_facts(Napi::Env env, const Plugin& plugin, PJRT_DeviceDescription* description) {
  Napi::Object facts = Napi::Object::New(env);
  PJRT_DeviceDescription_Id_Args id{};
  id.device_description = description;
  call(plugin, PJRT_FUNCTION(DeviceDescription_Id), id);
  facts.Set("id", number_of(env, id.id));
  PJRT_DeviceDescription_ProcessIndex_Args process{};
  process.device_description = description;
  call(plugin, PJRT_FUNCTION(DeviceDescription_ProcessIndex), process);
  facts.Set("processIndex", process.process_index);
  PJRT_DeviceDescription_Kind_Args kind{};
  kind.device_description = description;
  call(plugin, PJRT_FUNCTION(DeviceDescription_Kind), kind);
  facts.Set("kind", string_of(env, kind.device_kind, kind.device_kind_size));
  PJRT_DeviceDescription_ToString_Args text{};
  text.device_description = description;
  call(plugin, PJRT_FUNCTION(DeviceDescription_ToString), text);
  facts.Set("description", string_of(env, text.to_string, text.to_string_size));
  PJRT_DeviceDescription_DebugString_Args debug{};
  debug.device_description = description;
  call(plugin, PJRT_FUNCTION(DeviceDescription_DebugString), debug);
  facts.Set("debugString", string_of(env, debug.debug_string, debug.debug_string_size));
  PJRT_DeviceDescription_Attributes_Args attributes{};
  attributes.device_description = description;
  call(plugin, PJRT_FUNCTION(DeviceDescription_Attributes), attributes);
  facts.Set("attributes", js_values(env, attributes.attributes, attributes.num_attributes));
  return facts;
}

// deviceMemory(client, index)
Napi::Value device_memory(Info info) {
  const auto client = unwrap<Client>(info[0]);
  PJRT_Device_MemoryStats_Args args{};
  args.device = client->devices.at(info[1].As<Napi::Number>().Uint32Value());
  call(client->plugin, PJRT_FUNCTION(Device_MemoryStats), args);
  Napi::Object stats = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, int64_t value, bool is_set) {
    if (is_set) stats.Set(name, number_of(info.Env(), value));
  };
  set("bytesInUse", args.bytes_in_use, true);
  set("peakBytesInUse", args.peak_bytes_in_use, args.peak_bytes_in_use_is_set);
  set("bytesLimit", args.bytes_limit, args.bytes_limit_is_set);
  set("bytesReserved", args.bytes_reserved, args.bytes_reserved_is_set);
  set("largestFreeBlockBytes", args.largest_free_block_bytes, args.largest_free_block_bytes_is_set);
  set("allocations", args.num_allocs, args.num_allocs_is_set);
  return stats;
}

// ---- clients and topologies

Napi::Value client_facts(Info info) {
  const Napi::Env env = info.Env();
  const auto client = unwrap<Client>(info[0]);
  const Plugin& plugin = client->plugin;
  Napi::Object facts = Napi::Object::New(env);
  PJRT_Client_PlatformName_Args name{};
  name.client = client->client.get();
  call(plugin, PJRT_FUNCTION(Client_PlatformName), name);
  facts.Set("platform", string_of(env, name.platform_name, name.platform_name_size));
  PJRT_Client_PlatformVersion_Args version{};
  version.client = client->client.get();
  call(plugin, PJRT_FUNCTION(Client_PlatformVersion), version);
  facts.Set("platformVersion", string_of(env, version.platform_version, version.platform_version_size));
  Napi::Array devices = Napi::Array::New(env);
  for (PJRT_Device* device : client->devices) {
    PJRT_Device_GetDescription_Args args{};
    args.device = device;
    call(plugin, PJRT_FUNCTION(Device_GetDescription), args);
    Napi::Object one = description_facts(env, plugin, args.device_description);
    PJRT_Device_LocalHardwareId_Args local{};
    local.device = device;
    call(plugin, PJRT_FUNCTION(Device_LocalHardwareId), local);
    one.Set("localHardwareId", local.local_hardware_id);
    devices.Set(devices.Length(), one);
  }
  facts.Set("devices", devices);
  return facts;
}

// createTopology(plugin, name)
Napi::Value create_topology(Info info) {
  return OffThread<std::shared_ptr<Topology>>::run(
      info.Env(),
      [&plugin = plugin_of(info[0]), name = text_of(info[1])] {
        PJRT_TopologyDescription_Create_Args args{};
        args.topology_name = name.data();
        args.topology_name_size = name.size();
        call(plugin, PJRT_FUNCTION(TopologyDescription_Create), args);
        return std::shared_ptr<Topology>(new Topology{plugin, Owned<PJRT_TopologyDescription>(plugin, args.topology)});
      },
      [](Napi::Env env, std::shared_ptr<Topology> topology) { return wrap(env, std::move(topology), nullptr); });
}

Napi::Value topology_facts(Info info) {
  const Napi::Env env = info.Env();
  const auto topology = unwrap<Topology>(info[0]);
  const Plugin& plugin = topology->plugin;
  Napi::Object facts = Napi::Object::New(env);
  PJRT_TopologyDescription_PlatformName_Args name{};
  name.topology = topology->topology.get();
  call(plugin, PJRT_FUNCTION(TopologyDescription_PlatformName), name);
  facts.Set("platform", string_of(env, name.platform_name, name.platform_name_size));
  PJRT_TopologyDescription_PlatformVersion_Args version{};
  version.topology = topology->topology.get();
  call(plugin, PJRT_FUNCTION(TopologyDescription_PlatformVersion), version);
  facts.Set("platformVersion", string_of(env, version.platform_version, version.platform_version_size));
  PJRT_TopologyDescription_GetDeviceDescriptions_Args args{};
  args.topology = topology->topology.get();
  call(plugin, PJRT_FUNCTION(TopologyDescription_GetDeviceDescriptions), args);
  Napi::Array devices = Napi::Array::New(env);
  for (size_t i = 0; i < args.num_descriptions; i++) {
    devices.Set(devices.Length(), description_facts(env, plugin, args.descriptions[i]));
  }
  facts.Set("devices", devices);
  return facts;
}

// ---- programs

// Bytes of an array of `hostMemory`, which stay while they are held.
struct HeldBytes {
  std::shared_ptr<void> memory;
  char* data;
  size_t size;
};

HeldBytes held_bytes(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  static char nothing = 0;
  if (!bytes.ByteLength()) return {nullptr, &nothing, 0};
  auto* data = const_cast<char*>(reinterpret_cast<const char*>(bytes.Data()));
  std::shared_ptr<void> memory = array_holding(data, bytes.ByteLength());
  if (!memory) throw Error(PJRT_Error_Code_INVALID_ARGUMENT, "what a plugin reads on a worker is memory of hostMemory");
  return {std::move(memory), data, bytes.ByteLength()};
}

PJRT_Program program_of(const HeldBytes& text) {
  static constexpr std::string_view format = "mlir";
  PJRT_Program program{};
  program.struct_size = PJRT_Program_STRUCT_SIZE;
  program.code = text.data;
  program.code_size = text.size;
  program.format = format.data();
  program.format_size = format.size();
  return program;
}

// What run picks a thread by is asked for here, on the worker: it walks the whole program, and the plugin remembers the answer.
void remember_cost(const Executable& executable) {
  PJRT_Executable_GetCostAnalysis_Args args{};
  args.executable = executable.executable.get();
  try {
    call(executable.plugin, PJRT_FUNCTION(Executable_GetCostAnalysis), args);
  } catch (const Error&) {
    // Whoever asks for the cost is told.
  }
}

std::shared_ptr<Executable> loaded_executable(std::shared_ptr<Client> client, PJRT_LoadedExecutable* loaded) {
  const Plugin& plugin = client->plugin;
  Owned<PJRT_LoadedExecutable> owned(plugin, loaded);
  PJRT_LoadedExecutable_GetExecutable_Args args{};
  args.loaded_executable = loaded;
  call(plugin, PJRT_FUNCTION(LoadedExecutable_GetExecutable), args);
  auto executable = std::shared_ptr<Executable>(
      new Executable{plugin, std::move(client), nullptr, Owned<PJRT_Executable>(plugin, args.executable), std::move(owned)});
  remember_cost(*executable);
  return executable;
}

// compile(client, text, options): for what runs here.
Napi::Value compile(Info info) {
  return OffThread<std::shared_ptr<Executable>>::run(
      info.Env(),
      [client = unwrap<Client>(info[0]), text = held_bytes(info[1]), options = bytes_of(info[2])] {
        const PJRT_Program program = program_of(text);
        PJRT_Client_Compile_Args args{};
        args.client = client->client.get();
        args.program = &program;
        args.compile_options = options.data();
        args.compile_options_size = options.size();
        call(client->plugin, PJRT_FUNCTION(Client_Compile), args);
        return loaded_executable(client, args.executable);
      },
      [parent = box_of(info[0])](Napi::Env env, std::shared_ptr<Executable> executable) {
        return wrap(env, std::move(executable), parent, 0, true);
      });
}

// compileAhead(topology, text, options): for a machine that need not be here.
Napi::Value compile_ahead(Info info) {
  return OffThread<std::shared_ptr<Executable>>::run(
      info.Env(),
      [topology = unwrap<Topology>(info[0]), text = held_bytes(info[1]), options = bytes_of(info[2])] {
        const Plugin& plugin = topology->plugin;
        const PJRT_Program program = program_of(text);
        PJRT_Compile_Args args{};
        args.topology = topology->topology.get();
        args.program = &program;
        args.compile_options = options.data();
        args.compile_options_size = options.size();
        call(plugin, PJRT_FUNCTION(Compile), args);
        auto executable = std::shared_ptr<Executable>(new Executable{
            plugin, nullptr, topology, Owned<PJRT_Executable>(plugin, args.executable), Owned<PJRT_LoadedExecutable>(plugin, nullptr)});
        remember_cost(*executable);
        return executable;
      },
      [parent = box_of(info[0])](Napi::Env env, std::shared_ptr<Executable> executable) {
        return wrap(env, std::move(executable), parent, 0, true);
      });
}

// deserialize(client, bytes)
Napi::Value deserialize(Info info) {
  return OffThread<std::shared_ptr<Executable>>::run(
      info.Env(),
      [client = unwrap<Client>(info[0]), bytes = held_bytes(info[1])] {
        PJRT_Executable_DeserializeAndLoad_Args args{};
        args.client = client->client.get();
        args.serialized_executable = bytes.data;
        args.serialized_executable_size = bytes.size;
        call(client->plugin, PJRT_FUNCTION(Executable_DeserializeAndLoad), args);
        return loaded_executable(client, args.loaded_executable);
      },
      [parent = box_of(info[0])](Napi::Env env, std::shared_ptr<Executable> executable) {
        return wrap(env, std::move(executable), parent, 0, true);
      });
}

// ---- what a compiled program says of itself

template <typename Args>
Args ask(const Executable& executable, const Function<Args>& function) {
  Args args{};
  args.executable = executable.executable.get();
  call(executable.plugin, function, args);
  return args;
}

Napi::Value name(Info info) {
  const auto args = ask(*unwrap<Executable>(info[0]), PJRT_FUNCTION(Executable_Name));
  return string_of(info.Env(), args.executable_name, args.executable_name_size);
}

Napi::Value fingerprint(Info info) {
  const auto args = ask(*unwrap<Executable>(info[0]), PJRT_FUNCTION(Executable_Fingerprint));
  return Napi::Buffer<char>::Copy(info.Env(), args.executable_fingerprint, args.executable_fingerprint_size);
}

Napi::Value code_bytes(Info info) {
  return number_of(info.Env(), ask(*unwrap<Executable>(info[0]), PJRT_FUNCTION(Executable_SizeOfGeneratedCodeInBytes)).size_in_bytes);
}

Napi::Value cost(Info info) {
  const auto args = ask(*unwrap<Executable>(info[0]), PJRT_FUNCTION(Executable_GetCostAnalysis));
  return js_values(info.Env(), args.properties, args.num_properties);
}

Napi::Value memory(Info info) {
  const auto args = ask(*unwrap<Executable>(info[0]), PJRT_FUNCTION(Executable_GetCompiledMemoryStats));
  Napi::Object stats = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, int64_t value) { stats.Set(name, number_of(info.Env(), value)); };
  set("argumentBytes", args.argument_size_in_bytes);
  set("outputBytes", args.output_size_in_bytes);
  set("aliasBytes", args.alias_size_in_bytes);
  set("tempBytes", args.temp_size_in_bytes);
  set("codeBytes", args.generated_code_size_in_bytes);
  set("peakBytes", args.peak_memory_in_bytes);
  set("hostBytes", args.host_argument_size_in_bytes + args.host_output_size_in_bytes + args.host_temp_size_in_bytes +
                       args.host_generated_code_size_in_bytes);
  return stats;
}

// outputs(executable): [[type, [dimension, ...]], ...]
Napi::Value outputs(Info info) {
  const auto executable = unwrap<Executable>(info[0]);
  const auto types = ask(*executable, PJRT_FUNCTION(Executable_OutputElementTypes));
  const auto shapes = ask(*executable, PJRT_FUNCTION(Executable_OutputDimensions));
  Napi::Array list = Napi::Array::New(info.Env());
  const int64_t* dims = shapes.dims;
  for (uint32_t i = 0; i < types.num_output_types; i++) {
    Napi::Array shape = Napi::Array::New(info.Env());
    for (uint32_t axis = 0; axis < shapes.dim_sizes[i]; axis++) shape.Set(axis, number_of(info.Env(), *dims++));
    Napi::Array row = Napi::Array::New(info.Env());
    row.Set(0u, number_of(info.Env(), types.output_types[i]));
    row.Set(1u, shape);
    list.Set(i, row);
  }
  return list;
}

// devicesOf(executable): the places of its devices among the client's, in the order that a run has its inputs in.
Napi::Value devices_of(Info info) {
  const auto executable = unwrap<Executable>(info[0]);
  PJRT_LoadedExecutable_AddressableDevices_Args args{};
  args.executable = executable->loaded.get();
  call(executable->plugin, PJRT_FUNCTION(LoadedExecutable_AddressableDevices), args);
  const auto& devices = executable->client->devices;
  Napi::Array list = Napi::Array::New(info.Env(), args.num_addressable_devices);
  for (uint32_t i = 0; i < args.num_addressable_devices; i++) {
    const auto found = std::find(devices.begin(), devices.end(), args.addressable_devices[i]);
    list.Set(i, number_of(info.Env(), found - devices.begin()));
  }
  return list;
}

// serialize(executable): its bytes, in an ArrayBuffer.
Napi::Value serialize(Info info) {
  return OffThread<std::shared_ptr<PJRT_Executable_Serialize_Args>>::run(
      info.Env(),
      [executable = unwrap<Executable>(info[0])] {
        const auto args = ask(*executable, PJRT_FUNCTION(Executable_Serialize));
        return std::shared_ptr<PJRT_Executable_Serialize_Args>(
            new PJRT_Executable_Serialize_Args(args), [executable](PJRT_Executable_Serialize_Args* args) {
              args->serialized_executable_deleter(args->serialized_executable);
              delete args;
            });
      },
      [](Napi::Env env, std::shared_ptr<PJRT_Executable_Serialize_Args> args) {
        auto* bytes = const_cast<char*>(args->serialized_bytes);
        const size_t size = args->serialized_bytes_size;
        return array_buffer(env, bytes, size, std::make_unique<std::shared_ptr<PJRT_Executable_Serialize_Args>>(std::move(args)));
      });
}

}  // namespace

Napi::Object js_values(Napi::Env env, const PJRT_NamedValue* values, size_t count) {
  Napi::Object object = Napi::Object::New(env);
  for (size_t i = 0; i < count; i++) object.Set(string_of(env, values[i].name, values[i].name_size), js_value(env, values[i]));
  return object;
}

const Plugin& plugin_of(const Napi::Value& value) { return *static_cast<const Plugin*>(value.As<Napi::External<void>>().Data()); }

void export_compile(Napi::Env env, Napi::Object exports) {
  exports.Set("setEnvironment", Napi::Function::New<guarded<set_environment>>(env));
  exports.Set("loadPlugin", Napi::Function::New<guarded<load>>(env));
  exports.Set("clientFacts", Napi::Function::New<guarded<client_facts>>(env));
  exports.Set("deviceMemory", Napi::Function::New<guarded<device_memory>>(env));
  exports.Set("createTopology", Napi::Function::New<guarded<create_topology>>(env));
  exports.Set("topologyFacts", Napi::Function::New<guarded<topology_facts>>(env));
  exports.Set("compile", Napi::Function::New<guarded<compile>>(env));
  exports.Set("compileAhead", Napi::Function::New<guarded<compile_ahead>>(env));
  exports.Set("deserialize", Napi::Function::New<guarded<deserialize>>(env));
  exports.Set("name", Napi::Function::New<guarded<name>>(env));
  exports.Set("fingerprint", Napi::Function::New<guarded<fingerprint>>(env));
  exports.Set("codeBytes", Napi::Function::New<guarded<code_bytes>>(env));
  exports.Set("cost", Napi::Function::New<guarded<cost>>(env));
  exports.Set("memory", Napi::Function::New<guarded<memory>>(env));
  exports.Set("outputs", Napi::Function::New<guarded<outputs>>(env));
  exports.Set("devicesOf", Napi::Function::New<guarded<devices_of>>(env));
  exports.Set("serialize", Napi::Function::New<guarded<serialize>>(env));
}

}  // namespace node_pjrt
