#include "memory.h"

#include <algorithm>

#include "napi.h"
#include "run.h"

namespace node_pjrt {
namespace {

using Info = const Napi::CallbackInfo&;

uint32_t index_of(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

Napi::Object memory_facts(Napi::Env env, const Plugin& plugin, PJRT_Memory* memory) {
  Napi::Object facts = Napi::Object::New(env);
  PJRT_Memory_Id_Args id{};
  id.memory = memory;
  call(plugin, PJRT_FUNCTION(Memory_Id), id);
  facts.Set("id", id.id);
  PJRT_Memory_Kind_Args kind{};
  kind.memory = memory;
  call(plugin, PJRT_FUNCTION(Memory_Kind), kind);
  facts.Set("kind", std::string(kind.kind, kind.kind_size));
  PJRT_Memory_ToString_Args text{};
  text.memory = memory;
  call(plugin, PJRT_FUNCTION(Memory_ToString), text);
  facts.Set("description", std::string(text.to_string, text.to_string_size));
  return facts;
}

// memories(client, device index): each memory's facts; that of the device itself has isDefault.
Napi::Value memories(Info info) {
  const auto client = unwrap<Client>(info[0]);
  PJRT_Device_DefaultMemory_Args args{};
  args.device = client->devices.at(index_of(info[1]));
  call(client->plugin, PJRT_FUNCTION(Device_DefaultMemory), args);
  Napi::Array list = Napi::Array::New(info.Env());
  for (PJRT_Memory* memory : memories_of(*client, index_of(info[1]))) {
    Napi::Object facts = memory_facts(info.Env(), client->plugin, memory);
    facts.Set("isDefault", memory == args.memory);
    list.Set(list.Length(), facts);
  }
  return list;
}

// memoryOf(buffer, device index): the place of its memory among the device's.
Napi::Value memory_of(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  PJRT_Buffer_Memory_Args args{};
  args.buffer = buffer->buffer.get();
  call(buffer->client->plugin, PJRT_FUNCTION(Buffer_Memory), args);
  const std::vector<PJRT_Memory*> all = memories_of(*buffer->client, index_of(info[1]));
  return Napi::Number::New(info.Env(), static_cast<double>(std::find(all.begin(), all.end(), args.memory) - all.begin()));
}

// copyTo(buffer, client, device index, memory index, bytes)
Napi::Value copy_to(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  const auto client = unwrap<Client>(info[1]);
  PJRT_Buffer_CopyToMemory_Args args{};
  args.buffer = buffer->buffer.get();
  args.dst_memory = memories_of(*client, index_of(info[2])).at(index_of(info[3]));
  call(client->plugin, PJRT_FUNCTION(Buffer_CopyToMemory), args);
  auto copy = std::shared_ptr<Buffer>(new Buffer{client, Owned<PJRT_Buffer>(client->plugin, args.dst_buffer)});
  return wrap(info.Env(), std::move(copy), box_of(info[1]), info[4].As<Napi::Number>().Int64Value());
}

// deviceBytes(buffer): with the padding of its layout.
Napi::Value device_bytes(Info info) {
  const auto buffer = unwrap<Buffer>(info[0]);
  PJRT_Buffer_OnDeviceSizeInBytes_Args args{};
  args.buffer = buffer->buffer.get();
  call(buffer->client->plugin, PJRT_FUNCTION(Buffer_OnDeviceSizeInBytes), args);
  return Napi::Number::New(info.Env(), static_cast<double>(args.on_device_size_in_bytes));
}

Napi::Array list_of(Napi::Env env, const int64_t* numbers, size_t count) {
  Napi::Array list = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; i++) list.Set(i, static_cast<double>(numbers[i]));
  return list;
}

// layout(buffer): {minorToMajor, tiles} or {byteStrides}
Napi::Value layout(Info info) {
  const Napi::Env env = info.Env();
  const auto buffer = unwrap<Buffer>(info[0]);
  PJRT_Buffer_GetMemoryLayout_Args args{};
  args.buffer = buffer->buffer.get();
  call(buffer->client->plugin, PJRT_FUNCTION(Buffer_GetMemoryLayout), args);
  Napi::Object result = Napi::Object::New(env);
  if (args.layout.type == PJRT_Buffer_MemoryLayout_Type_Strides) {
    result.Set("byteStrides", list_of(env, args.layout.strides.byte_strides, args.layout.strides.num_byte_strides));
    return result;
  }
  const PJRT_Buffer_MemoryLayout_Tiled& tiled = args.layout.tiled;
  result.Set("minorToMajor", list_of(env, tiled.minor_to_major, tiled.minor_to_major_size));
  Napi::Array tiles = Napi::Array::New(env, tiled.num_tiles);
  const int64_t* sizes = tiled.tile_dims;
  for (uint32_t i = 0; i < tiled.num_tiles; i++) {
    tiles.Set(i, list_of(env, sizes, tiled.tile_dim_sizes[i]));
    sizes += tiled.tile_dim_sizes[i];
  }
  result.Set("tiles", tiles);
  return result;
}

}  // namespace

std::vector<PJRT_Memory*> memories_of(const Client& client, uint32_t device) {
  PJRT_Device_AddressableMemories_Args args{};
  args.device = client.devices.at(device);
  call(client.plugin, PJRT_FUNCTION(Device_AddressableMemories), args);
  return std::vector<PJRT_Memory*>(args.memories, args.memories + args.num_memories);
}

void export_memory(Napi::Env env, Napi::Object exports) {
  exports.Set("memories", Napi::Function::New<guarded<memories>>(env));
  exports.Set("memoryOf", Napi::Function::New<guarded<memory_of>>(env));
  exports.Set("copyTo", Napi::Function::New<guarded<copy_to>>(env));
  exports.Set("layout", Napi::Function::New<guarded<layout>>(env));
  exports.Set("deviceBytes", Napi::Function::New<guarded<device_bytes>>(env));
}

}  // namespace node_pjrt
