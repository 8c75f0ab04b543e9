#include "inspect.h"

#include "compile.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

// ---- topologies

Napi::Value topology_attributes(Info info) {
  const auto topology = unwrap<Topology>(info[0]);
  PJRT_TopologyDescription_Attributes_Args args{};
  args.topology = topology->topology.get();
  call(topology->plugin, PJRT_FUNCTION(TopologyDescription_Attributes), args);
  return js_values(info.Env(), args.attributes, args.num_attributes);
}

Napi::Value serialize_topology(Info info) {
  const auto topology = unwrap<Topology>(info[0]);
  PJRT_TopologyDescription_Serialize_Args args{};
  args.topology = topology->topology.get();
  call(topology->plugin, PJRT_FUNCTION(TopologyDescription_Serialize), args);
  const auto bytes = Napi::Buffer<char>::Copy(info.Env(), args.serialized_bytes, args.serialized_bytes_size);
  args.serialized_topology_deleter(args.serialized_topology);
  return bytes;
}

// deserializeTopology(plugin, bytes)
Napi::Value deserialize_topology(Info info) {
  return OffThread<std::shared_ptr<Topology>>::run(
      info.Env(),
      [&plugin = plugin_of(info[0]), bytes = bytes_of(info[1])] {
        PJRT_TopologyDescription_Deserialize_Args args{};
        args.serialized_topology = bytes.data();
        args.serialized_topology_size = bytes.size();
        call(plugin, PJRT_FUNCTION(TopologyDescription_Deserialize), args);
        return std::shared_ptr<Topology>(new Topology{plugin, Owned<PJRT_TopologyDescription>(plugin, args.topology)});
      },
      [](Napi::Env env, std::shared_ptr<Topology> topology) { return wrap(env, std::move(topology), nullptr); });
}

// ---- compiled programs

// copies(executable): [replicas, partitions]
Napi::Value copies(Info info) {
  const auto executable = unwrap<Executable>(info[0]);
  PJRT_Executable_NumReplicas_Args replicas{};
  replicas.executable = executable->executable.get();
  call(executable->plugin, PJRT_FUNCTION(Executable_NumReplicas), replicas);
  PJRT_Executable_NumPartitions_Args partitions{};
  partitions.executable = executable->executable.get();
  call(executable->plugin, PJRT_FUNCTION(Executable_NumPartitions), partitions);
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, static_cast<double>(replicas.num_replicas));
  result.Set(1u, static_cast<double>(partitions.num_partitions));
  return result;
}

// outputMemoryKinds(executable): [kind, ...]
Napi::Value output_memory_kinds(Info info) {
  const auto executable = unwrap<Executable>(info[0]);
  PJRT_Executable_OutputMemoryKinds_Args args{};
  args.executable = executable->executable.get();
  call(executable->plugin, PJRT_FUNCTION(Executable_OutputMemoryKinds), args);
  Napi::Array kinds = Napi::Array::New(info.Env(), args.num_outputs);
  for (uint32_t i = 0; i < args.num_outputs; i++) kinds.Set(i, std::string(args.memory_kinds[i], args.memory_kind_sizes[i]));
  return kinds;
}

struct Optimized {
  std::string format;
  std::string code;
};

// optimizedProgram(executable): [format, ArrayBuffer]
Napi::Value optimized_program(Info info) {
  return OffThread<Optimized>::run(
      info.Env(),
      [executable = unwrap<Executable>(info[0])] {
        PJRT_Program program{};
        program.struct_size = PJRT_Program_STRUCT_SIZE;
        PJRT_Executable_OptimizedProgram_Args args{};
        args.executable = executable->executable.get();
        args.program = &program;
        call(executable->plugin, PJRT_FUNCTION(Executable_OptimizedProgram), args);  // its size, as there is no memory for it yet
        std::string code(program.code_size, '\0');
        program.code = code.data();
        call(executable->plugin, PJRT_FUNCTION(Executable_OptimizedProgram), args);
        return Optimized{std::string(program.format, program.format_size), std::move(code)};
      },
      [](Napi::Env env, Optimized optimized) {
        Napi::Array result = Napi::Array::New(env, 2);
        result.Set(0u, optimized.format);
        auto code = std::make_unique<std::string>(std::move(optimized.code));
        char* bytes = code->data();
        const size_t size = code->size();
        result.Set(1u, array_buffer(env, bytes, size, std::move(code)));
        return result;
      });
}

}  // namespace

void export_inspect(Napi::Env env, Napi::Object exports) {
  exports.Set("topologyAttributes", Napi::Function::New<guarded<topology_attributes>>(env));
  exports.Set("serializeTopology", Napi::Function::New<guarded<serialize_topology>>(env));
  exports.Set("deserializeTopology", Napi::Function::New<guarded<deserialize_topology>>(env));
  exports.Set("copies", Napi::Function::New<guarded<copies>>(env));
  exports.Set("outputMemoryKinds", Napi::Function::New<guarded<output_memory_kinds>>(env));
  exports.Set("optimizedProgram", Napi::Function::New<guarded<optimized_program>>(env));
}

}  // namespace node_pjrt
