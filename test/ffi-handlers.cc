// Handlers for handlers.test.ts: of node_pjrt/ffi.hpp and of XLA's own headers, and some that no plugin may see.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "node_pjrt/ffi.hpp"
#include "xla/ffi/api/ffi.h"

#define SAME(OURS, OUR_FIELD, THEIRS, THEIR_FIELD) \
  static_assert(offsetof(OURS, OUR_FIELD) == offsetof(THEIRS, THEIR_FIELD) && \
                sizeof(OURS::OUR_FIELD) == sizeof(THEIRS::THEIR_FIELD), #OURS "." #OUR_FIELD " is not XLA's")
SAME(NodePjrtExtension, type, XLA_FFI_Extension_Base, type);
SAME(NodePjrtExtension, next, XLA_FFI_Extension_Base, next);
SAME(NodePjrtVersion, major, XLA_FFI_Api_Version, major_version);
SAME(NodePjrtVersion, minor, XLA_FFI_Api_Version, minor_version);
SAME(NodePjrtMetadata, version, XLA_FFI_Metadata, api_version);
SAME(NodePjrtMetadata, traits, XLA_FFI_Metadata, traits);
SAME(NodePjrtMetadata, state_type, XLA_FFI_Metadata, state_type_id);
SAME(NodePjrtMetadataExtension, metadata, XLA_FFI_Metadata_Extension, metadata);
SAME(NodePjrtBuffer, type, XLA_FFI_Buffer, dtype);
SAME(NodePjrtBuffer, data, XLA_FFI_Buffer, data);
SAME(NodePjrtBuffer, rank, XLA_FFI_Buffer, rank);
SAME(NodePjrtBuffer, dims, XLA_FFI_Buffer, dims);
SAME(NodePjrtText, data, XLA_FFI_ByteSpan, ptr);
SAME(NodePjrtText, size, XLA_FFI_ByteSpan, len);
SAME(NodePjrtScalar, type, XLA_FFI_Scalar, dtype);
SAME(NodePjrtScalar, value, XLA_FFI_Scalar, value);
SAME(NodePjrtArray, type, XLA_FFI_Array, dtype);
SAME(NodePjrtArray, size, XLA_FFI_Array, size);
SAME(NodePjrtArray, data, XLA_FFI_Array, data);
SAME(NodePjrtBuffers, size, XLA_FFI_Args, size);
SAME(NodePjrtBuffers, kinds, XLA_FFI_Args, types);
SAME(NodePjrtBuffers, items, XLA_FFI_Args, args);
SAME(NodePjrtBuffers, size, XLA_FFI_Rets, size);
SAME(NodePjrtBuffers, kinds, XLA_FFI_Rets, types);
SAME(NodePjrtBuffers, items, XLA_FFI_Rets, rets);
SAME(NodePjrtAttributes, size, XLA_FFI_Attrs, size);
SAME(NodePjrtAttributes, kinds, XLA_FFI_Attrs, types);
SAME(NodePjrtAttributes, names, XLA_FFI_Attrs, names);
SAME(NodePjrtAttributes, values, XLA_FFI_Attrs, attrs);
SAME(NodePjrtErrorArgs, message, XLA_FFI_Error_Create_Args, message);
SAME(NodePjrtErrorArgs, code, XLA_FFI_Error_Create_Args, errc);
SAME(NodePjrtDestroyArgs, error, XLA_FFI_Error_Destroy_Args, error);
SAME(NodePjrtTypeInfo, destroy, XLA_FFI_TypeInfo, deleter);
SAME(NodePjrtTypeArgs, name, XLA_FFI_Type_Register_Args, name);
SAME(NodePjrtTypeArgs, type, XLA_FFI_Type_Register_Args, type_id);
SAME(NodePjrtTypeArgs, info, XLA_FFI_Type_Register_Args, type_info);
SAME(NodePjrtStateArgs, context, XLA_FFI_State_Set_Args, ctx);
SAME(NodePjrtStateArgs, type, XLA_FFI_State_Set_Args, type_id);
SAME(NodePjrtStateArgs, state, XLA_FFI_State_Set_Args, state);
SAME(NodePjrtStateArgs, context, XLA_FFI_State_Get_Args, ctx);
SAME(NodePjrtStateArgs, type, XLA_FFI_State_Get_Args, type_id);
SAME(NodePjrtStateArgs, state, XLA_FFI_State_Get_Args, state);
SAME(NodePjrtTaskArgs, context, XLA_FFI_ThreadPool_Schedule_Args, ctx);
SAME(NodePjrtTaskArgs, task, XLA_FFI_ThreadPool_Schedule_Args, task);
SAME(NodePjrtTaskArgs, data, XLA_FFI_ThreadPool_Schedule_Args, data);
SAME(NodePjrtThreadsArgs, context, XLA_FFI_ThreadPool_NumThreads_Args, ctx);
SAME(NodePjrtThreadsArgs, threads, XLA_FFI_ThreadPool_NumThreads_Args, num_threads);
SAME(NodePjrtApi, destroy_error, XLA_FFI_Api, XLA_FFI_Error_Destroy);
SAME(NodePjrtApi, register_type, XLA_FFI_Api, XLA_FFI_Type_Register);
SAME(NodePjrtApi, set_state, XLA_FFI_Api, XLA_FFI_State_Set);
SAME(NodePjrtApi, get_state, XLA_FFI_Api, XLA_FFI_State_Get);
SAME(NodePjrtApi, schedule, XLA_FFI_Api, XLA_FFI_ThreadPool_Schedule);
SAME(NodePjrtApi, count_threads, XLA_FFI_Api, XLA_FFI_ThreadPool_NumThreads);
SAME(NodePjrtApi, version, XLA_FFI_Api, api_version);
SAME(NodePjrtApi, create_error, XLA_FFI_Api, XLA_FFI_Error_Create);
SAME(NodePjrtCall, extensions, XLA_FFI_CallFrame, extension_start);
SAME(NodePjrtCall, api, XLA_FFI_CallFrame, api);
SAME(NodePjrtCall, context, XLA_FFI_CallFrame, ctx);
SAME(NodePjrtCall, stage, XLA_FFI_CallFrame, stage);
SAME(NodePjrtCall, arguments, XLA_FFI_CallFrame, args);
SAME(NodePjrtCall, results, XLA_FFI_CallFrame, rets);
SAME(NodePjrtCall, attributes, XLA_FFI_CallFrame, attrs);
SAME(NodePjrtCall, future, XLA_FFI_CallFrame, future);
static_assert(sizeof(NodePjrtCall) == sizeof(XLA_FFI_CallFrame));
static_assert(NODE_PJRT_FFI_MAJOR == XLA_FFI_API_MAJOR && NODE_PJRT_FFI_MINOR == XLA_FFI_API_MINOR);
static_assert(NODE_PJRT_BOOL == static_cast<int>(XLA_FFI_DataType_PRED) && NODE_PJRT_I8 == static_cast<int>(XLA_FFI_DataType_S8) &&
              NODE_PJRT_I16 == static_cast<int>(XLA_FFI_DataType_S16) && NODE_PJRT_I32 == static_cast<int>(XLA_FFI_DataType_S32) &&
              NODE_PJRT_I64 == static_cast<int>(XLA_FFI_DataType_S64) && NODE_PJRT_U8 == static_cast<int>(XLA_FFI_DataType_U8) &&
              NODE_PJRT_U16 == static_cast<int>(XLA_FFI_DataType_U16) && NODE_PJRT_U32 == static_cast<int>(XLA_FFI_DataType_U32) &&
              NODE_PJRT_U64 == static_cast<int>(XLA_FFI_DataType_U64) && NODE_PJRT_F16 == static_cast<int>(XLA_FFI_DataType_F16) &&
              NODE_PJRT_F32 == static_cast<int>(XLA_FFI_DataType_F32) && NODE_PJRT_F64 == static_cast<int>(XLA_FFI_DataType_F64) &&
              NODE_PJRT_C64 == static_cast<int>(XLA_FFI_DataType_C64) && NODE_PJRT_BF16 == static_cast<int>(XLA_FFI_DataType_BF16) &&
              NODE_PJRT_C128 == static_cast<int>(XLA_FFI_DataType_C128));
static_assert(NODE_PJRT_ARRAY == static_cast<int>(XLA_FFI_AttrType_ARRAY) &&
              NODE_PJRT_DICTIONARY == static_cast<int>(XLA_FFI_AttrType_DICTIONARY) &&
              NODE_PJRT_SCALAR == static_cast<int>(XLA_FFI_AttrType_SCALAR) && NODE_PJRT_TEXT == static_cast<int>(XLA_FFI_AttrType_STRING));
static_assert(NODE_PJRT_INSTANTIATE == static_cast<int>(XLA_FFI_ExecutionStage_INSTANTIATE) &&
              NODE_PJRT_EXECUTE == static_cast<int>(XLA_FFI_ExecutionStage_EXECUTE));

namespace {

using namespace node_pjrt::ffi;

// As JSON, more or less: each value with the number of its type.
std::string text_of(int32_t type, const void* value) {
  const auto as = [&](auto zero) {
    std::memcpy(&zero, value, sizeof zero);
    return std::to_string(type) + ":" + std::to_string(zero);
  };
  switch (type) {
    case NODE_PJRT_BOOL: return as(false);
    case NODE_PJRT_I8: return as(int8_t{});
    case NODE_PJRT_I16: return as(int16_t{});
    case NODE_PJRT_I32: return as(int32_t{});
    case NODE_PJRT_I64: return as(int64_t{});
    case NODE_PJRT_U8: return as(uint8_t{});
    case NODE_PJRT_U16: return as(uint16_t{});
    case NODE_PJRT_U32: return as(uint32_t{});
    case NODE_PJRT_U64: return as(uint64_t{});
    case NODE_PJRT_F32: return as(float{});
    case NODE_PJRT_F64: return as(double{});
    default: return std::to_string(type) + ":?";
  }
}

size_t size_of(int32_t type) {
  return type == NODE_PJRT_I8 ? 1 : type == NODE_PJRT_I16 ? 2 : type == NODE_PJRT_I32 || type == NODE_PJRT_F32 ? 4 : 8;
}

std::string text_of(const NodePjrtAttributes& attributes) {
  std::string text;
  for (int64_t i = 0; i < attributes.size; i++) {
    text += (i ? ", " : "") + std::string(attributes.names[i]->data, attributes.names[i]->size) + "=";
    const void* value = attributes.values[i];
    if (attributes.kinds[i] == NODE_PJRT_DICTIONARY) {
      text += "{" + text_of(*static_cast<const NodePjrtAttributes*>(value)) + "}";
    } else if (attributes.kinds[i] == NODE_PJRT_TEXT) {
      text += "'" + std::string(static_cast<const NodePjrtText*>(value)->data, static_cast<const NodePjrtText*>(value)->size) + "'";
    } else if (attributes.kinds[i] == NODE_PJRT_SCALAR) {
      text += text_of(static_cast<const NodePjrtScalar*>(value)->type, static_cast<const NodePjrtScalar*>(value)->value);
    } else {
      const auto& array = *static_cast<const NodePjrtArray*>(value);
      text += std::to_string(array.type) + "[";
      for (size_t n = 0; n < array.size; n++)
        text += (n ? " " : "") + text_of(array.type, static_cast<const char*>(array.data) + n * size_of(array.type));
      text += "]";
    }
  }
  return text;
}

// Fails with what it was given.
void describe(const Call& call) {
  std::string text = text_of(call.raw().attributes) + " (";
  for (size_t i = 0; i < call.arguments(); i++) {
    text += (i ? ", " : "") + std::to_string(call.argument(i).type()) + "[";
    for (const int64_t n : call.argument(i).dims()) text += " " + std::to_string(n);
    text += " ]";
  }
  throw Failure(NODE_PJRT_OUT_OF_RANGE, text + ") -> " + std::to_string(call.results()));
}

void typed(const Call& call) {
  const Attributes attributes = call.attributes();
  const auto steps = attributes.array<int64_t>("steps");
  const Attributes inner = attributes.dictionary("inner");
  if (attributes.text("title") != "up" || !inner.scalar<bool>("on") || inner.has("off"))
    throw Failure(NODE_PJRT_INVALID_ARGUMENT, "other attributes");
  const auto x = call.argument(0).elements<float>(), out = call.result(0).elements<float>();
  for (size_t i = 0; i < out.size; i++) out[i] = x[i] + static_cast<float>(steps[i % steps.size]) * attributes.scalar<float>("by");
}

// Fails with the place of each buffer in a line of 64 bytes.
void place(const Call& call) {
  std::string text;
  for (size_t i = 0; i < call.arguments(); i++) text += std::to_string(reinterpret_cast<uintptr_t>(call.argument(i).bytes()) % 64) + " ";
  throw Failure(NODE_PJRT_OUT_OF_RANGE, text + "-> " + std::to_string(reinterpret_cast<uintptr_t>(call.result(0).bytes()) % 64));
}

// Fails with the first four bytes.
void bytes(const Call& call) {
  std::string text;
  for (int i = 0; i < 4; i++) text += std::to_string(static_cast<const uint8_t*>(call.argument(0).bytes())[i]) + " ";
  throw Failure(NODE_PJRT_OUT_OF_RANGE, text);
}

void third(const Call& call) { call.argument(2); }
void wrong(const Call& call) { call.argument(0).elements<int16_t>(); }
void crashes(const Call&) { std::abort(); }
void throws(const Call&) { throw std::runtime_error("a plain exception"); }
void throws_other(const Call&) { throw 1; }

// The squares of 0 to count - 1, each a task of its own; one of them may fail.
void squares(const Call& call) {
  const auto out = call.result(0).elements<int32_t>();
  const auto bad = call.attributes().scalar<int64_t>("bad");
  std::atomic<int64_t> runs{0};
  call.parallel(static_cast<int64_t>(out.size), [&](int64_t i) {
    runs++;
    if (i == bad) throw Failure(NODE_PJRT_OUT_OF_RANGE, "task " + std::to_string(i) + " of " + std::to_string(out.size));
    out[static_cast<size_t>(i)] = static_cast<int32_t>(i * i);
  });
  if (runs != static_cast<int64_t>(out.size)) throw Failure(NODE_PJRT_INTERNAL, "tasks were left out");
}

// A running sum for each call of a program, which says when it goes.
struct Sum {
  std::atomic<int64_t> value;
  ~Sum() { live--; }
  static inline std::atomic<int32_t> live{0};
};
std::unique_ptr<Sum> make_sum(const Call& call) {
  const auto first = call.attributes().scalar<int64_t>("first");
  if (first < 0) return nullptr;
  Sum::live++;
  return std::unique_ptr<Sum>(new Sum{first});
}
void add(const Call& call, Sum& sum) {
  call.result(0).elements<int64_t>()[0] = sum.value += call.argument(0).elements<int64_t>()[0];
  call.result(1).elements<int32_t>()[0] = Sum::live;
}

// Counts its own calls, each call site by itself.
struct Count {
  static xla::ffi::TypeId id;
  static xla::ffi::TypeInfo info;
  int32_t calls;
};
xla::ffi::TypeId Count::id = {};
xla::ffi::TypeInfo Count::info = xla::ffi::MakeTypeInfo<Count>();

xla::ffi::ErrorOr<std::unique_ptr<Count>> make_count(int32_t first) { return std::make_unique<Count>(Count{first}); }
xla::ffi::Error count(Count* state, xla::ffi::Result<xla::ffi::Buffer<xla::ffi::S32>> out, int32_t) {
  out->typed_data()[0] = state->calls++;
  return xla::ffi::Error::Success();
}

}  // namespace

NODE_PJRT_HANDLER(test_describe, describe)
NODE_PJRT_HANDLER(test_typed, typed)
NODE_PJRT_HANDLER(test_place, place)
NODE_PJRT_HANDLER(test_bytes, bytes)
NODE_PJRT_HANDLER(test_squares, squares)
NODE_PJRT_STATEFUL_HANDLERS(test_make_sum, make_sum, test_add, add)
NODE_PJRT_HANDLER(test_third, third)
NODE_PJRT_HANDLER(test_wrong, wrong)
NODE_PJRT_HANDLER(test_crashes, crashes)
NODE_PJRT_HANDLER(test_throws, throws)
NODE_PJRT_HANDLER(test_throws_other, throws_other)

NODE_PJRT_EXPORT NodePjrtError* test_later(NodePjrtCall* call) {
  if (node_pjrt_answered(call)) reinterpret_cast<NodePjrtMetadataExtension*>(call->extensions)->metadata->version.minor++;
  return nullptr;
}

NODE_PJRT_EXPORT NodePjrtError* test_refuses(NodePjrtCall* call) { return node_pjrt_error(call, NODE_PJRT_UNIMPLEMENTED, "not today"); }

XLA_FFI_DEFINE_HANDLER(make_count_handler, make_count, xla::ffi::Ffi::BindInstantiate().Attr<int32_t>("first"));
extern "C" NODE_PJRT_VISIBLE XLA_FFI_Error* test_count(XLA_FFI_CallFrame* frame);
XLA_FFI_DEFINE_HANDLER_SYMBOL(test_count, count,
                              xla::ffi::Ffi::Bind().Ctx<xla::ffi::State<Count>>().Ret<xla::ffi::Buffer<xla::ffi::S32>>().Attr<int32_t>("first"));

// A state's type has a number, which XLA gives where it is asked before the handler is registered.
extern "C" NODE_PJRT_VISIBLE XLA_FFI_Error* test_make_count(XLA_FFI_CallFrame* frame) {
  if (Count::id.type_id == 0)
    if (XLA_FFI_Error* error = xla::ffi::Ffi::RegisterTypeId(frame->api, "test.Count", &Count::id, &Count::info)) return error;
  return make_count_handler(frame);
}
