#include "layouts.h"

#include "compile.h"
#include "extensions.h"
#include "napi.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;
constexpr PJRT_Extension_Type kLayouts = PJRT_Extension_Type_Layouts;
constexpr PJRT_Extension_Type kMemories = PJRT_Extension_Type_MemoryDescriptions;

std::string text_of_layout(const Plugin& plugin, MemoryLayout* layout) {
  LayoutSerializeArgs args{};
  args.layout = layout;
  call_extension(plugin, kLayouts, &LayoutsExtension::serialize, "PJRT_Layouts_MemoryLayout_Serialize", args);
  std::string text(args.bytes, args.bytes_size);
  args.deleter(args.serialized);
  return text;
}

template <typename Of>
Napi::Value default_layout(Info info, const Plugin& plugin, Of* of, PJRT_Error* (*LayoutsExtension::*slot)(DefaultLayoutArgs<Of>*),
                           const char* name) {
  const auto dims = integers_of(info[2]);
  DefaultLayoutArgs<Of> args{};
  args.of = of;
  args.type = static_cast<PJRT_Buffer_Type>(info[1].As<Napi::Number>().Int32Value());
  args.dims = dims.data();
  args.num_dims = dims.size();
  call_extension(plugin, kLayouts, slot, name, args);
  const std::string text = text_of_layout(plugin, args.layout);
  LayoutDestroyArgs destroy{};
  destroy.layout = args.layout;
  call_extension(plugin, kLayouts, &LayoutsExtension::destroy, "PJRT_Layouts_MemoryLayout_Destroy", destroy);
  return Napi::String::New(info.Env(), text);
}

// clientLayout(client, type, dimensions), topologyLayout(topology, type, dimensions): as XLA writes it.
Napi::Value client_layout(Info info) {
  const auto client = unwrap<Client>(info[0]);
  return default_layout(info, client->plugin, client->client.get(), &LayoutsExtension::client_default,
                        "PJRT_Layouts_PJRT_Client_GetDefaultLayout");
}

Napi::Value topology_layout(Info info) {
  const auto topology = unwrap<Topology>(info[0]);
  return default_layout(info, topology->plugin, topology->topology.get(), &LayoutsExtension::topology_default,
                        "PJRT_Layouts_PJRT_Topology_GetDefaultLayout");
}

// executableLayouts(executable, of the inputs?): one a port.
Napi::Value executable_layouts(Info info) {
  const auto executable = unwrap<Executable>(info[0]);
  ExecutableLayoutsArgs args{};
  args.executable = executable->executable.get();
  if (info[1].As<Napi::Boolean>()) {
    call_extension(executable->plugin, kLayouts, &LayoutsExtension::parameters, "PJRT_Layouts_PJRT_Executable_GetParameterLayouts", args);
  } else {
    call_extension(executable->plugin, kLayouts, &LayoutsExtension::outputs, "PJRT_Layouts_PJRT_Executable_GetOutputLayouts", args);
  }
  Napi::Array list = Napi::Array::New(info.Env(), args.count);
  for (uint32_t i = 0; i < args.count; i++) list.Set(i, text_of_layout(executable->plugin, args.layouts[i]));
  return list;
}

// topologyMemories(topology, device): [{kind, isDefault}, ...]
Napi::Value topology_memories(Info info) {
  const auto topology = unwrap<Topology>(info[0]);
  PJRT_TopologyDescription_GetDeviceDescriptions_Args devices{};
  devices.topology = topology->topology.get();
  call(topology->plugin, PJRT_FUNCTION(TopologyDescription_GetDeviceDescriptions), devices);
  const uint32_t index = info[1].As<Napi::Number>().Uint32Value();
  if (index >= devices.num_descriptions) throw Error(PJRT_Error_Code_OUT_OF_RANGE, "a device is one of the topology");
  MemoryDescriptionsArgs args{};
  args.device = const_cast<PJRT_DeviceDescription*>(devices.descriptions[index]);
  call_extension(topology->plugin, kMemories, &MemoryDescriptionsExtension::descriptions, "PJRT_DeviceDescription_MemoryDescriptions", args);
  Napi::Array list = Napi::Array::New(info.Env(), args.count);
  for (uint32_t i = 0; i < args.count; i++) {
    MemoryDescriptionKindArgs kind{};
    kind.description = args.descriptions[i];
    call_extension(topology->plugin, kMemories, &MemoryDescriptionsExtension::kind, "PJRT_MemoryDescription_Kind", kind);
    Napi::Object facts = Napi::Object::New(info.Env());
    facts.Set("kind", std::string(kind.kind, kind.kind_size));
    facts.Set("isDefault", i == args.default_index);
    list.Set(i, facts);
  }
  return list;
}

}  // namespace

void export_layouts(Napi::Env env, Napi::Object exports) {
  exports.Set("clientLayout", Napi::Function::New<guarded<client_layout>>(env));
  exports.Set("topologyLayout", Napi::Function::New<guarded<topology_layout>>(env));
  exports.Set("executableLayouts", Napi::Function::New<guarded<executable_layouts>>(env));
  exports.Set("topologyMemories", Napi::Function::New<guarded<topology_memories>>(env));
}

}  // namespace node_pjrt
