// A custom call of any buffers and attributes: an error that names the rule, or a run within its buffers. It begins as a call that is right,
// and is then changed in a few places.
#include <cstdio>

#include "ffi_call.h"
#include "input.h"

namespace {

using ffi_call::Buffer;

constexpr XLA_FFI_DataType kTypes[] = {XLA_FFI_DataType_F32, XLA_FFI_DataType_BF16, XLA_FFI_DataType_F16, XLA_FFI_DataType_S32,
                                       XLA_FFI_DataType_F64, XLA_FFI_DataType_PRED};

// Sizes that straddle vectors.
int64_t size(fuzz::Input* input) {
  static constexpr int64_t sizes[] = {1, 2, 3, 8, 5, 17, 0, 33};
  return sizes[input->below(8)];
}

ffi_call::Call right_call(fuzz::Input* input) {
  const int kind = input->byte();
  const bool backward = kind & 1, segments = kind & 2, lengths = kind & 4, sinks = kind & 8, statistics = kind & 16;
  const XLA_FFI_DataType type = kTypes[input->below(3)], f32 = XLA_FFI_DataType_F32, i32 = XLA_FFI_DataType_S32;
  const int64_t batch = 1 + input->below(2), kv_heads = 1 + input->below(2), heads = kv_heads * (1 + input->below(3));
  const int64_t queries = size(input), keys = size(input), head_dim = size(input), value_dim = size(input);
  ffi_call::Call call;
  call.target = backward ? "node_pjrt_attention_backward" : "node_pjrt_attention";
  auto& arguments = call.arguments;
  arguments.emplace_back(type, std::vector<int64_t>{batch, heads, queries, head_dim});
  arguments.emplace_back(type, std::vector<int64_t>{batch, kv_heads, keys, head_dim});
  arguments.emplace_back(type, std::vector<int64_t>{batch, kv_heads, keys, value_dim});
  if (segments) {
    arguments.emplace_back(i32, std::vector<int64_t>{batch, queries});
    arguments.emplace_back(i32, std::vector<int64_t>{batch, keys});
  }
  if (lengths) arguments.emplace_back(i32, std::vector<int64_t>{batch});
  if (sinks) arguments.emplace_back(f32, std::vector<int64_t>{heads});
  const std::vector<int64_t> out{batch, heads, queries, value_dim}, rows{batch, heads, queries};
  if (backward) {
    arguments.emplace_back(type, out);
    arguments.emplace_back(f32, rows);
    arguments.emplace_back(type, out);
    for (size_t n = 0; n < 3; n++) call.results.emplace_back(type, arguments[n].dims);
    if (sinks) call.results.emplace_back(f32, std::vector<int64_t>{heads});
  } else {
    call.results.emplace_back(type, out);
    if (statistics) call.results.emplace_back(f32, rows);
  }
  // Causal, or all keys, where there are rows and keys for it.
  call.planes = {1, 1, 1, 1, 0, segments ? 1 : -1, lengths ? 1 : -1};
  if (queries == 0)
    call.planes.push_back(0);
  else if (keys == 0)
    call.planes.insert(call.planes.end(), {1, 0, queries, 0});
  else
    call.planes.insert(call.planes.end(), {1, 0, queries, 1, 0, 0, queries <= keys ? 1 : 0, queries <= keys ? 1 : keys});
  call.head_planes = {0};
  return call;
}

void change(ffi_call::Call* call, fuzz::Input* input) {
  std::vector<Buffer>& list = input->below(2) ? call->results : call->arguments;
  const auto buffer = [&]() -> Buffer* { return list.empty() ? nullptr : &list[static_cast<size_t>(input->below(static_cast<int>(list.size())))]; };
  switch (input->below(9)) {
    case 0:
      if (Buffer* one = buffer(); one && !one->dims.empty()) one->dims[static_cast<size_t>(input->below(static_cast<int>(one->dims.size())))] = size(input);
      break;
    case 1:
      if (Buffer* one = buffer()) one->type = kTypes[input->below(6)];
      break;
    case 2:
      if (Buffer* one = buffer(); one && one->dims.size() < 6) one->dims.push_back(size(input));
      break;
    case 3:
      if (Buffer* one = buffer(); one && !one->dims.empty()) one->dims.pop_back();
      break;
    case 4:
      if (!list.empty()) list.pop_back();
      break;
    case 5:
      list.emplace_back(kTypes[input->below(6)], std::vector<int64_t>{size(input)});
      break;
    case 6: {
      std::vector<int64_t>& words = input->below(2) ? call->head_planes : call->planes;
      if (!words.empty()) words[static_cast<size_t>(input->byte()) % words.size()] = input->word();
      break;
    }
    case 7:
      call->threads = input->word();
      break;
    default:
      call->left_out = input->below(6) - 1;
      // Any bits are a double.
      const int64_t bits = input->word();
      std::memcpy(input->below(2) ? &call->scale : &call->soft_cap, &bits, sizeof bits);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int forced = setenv("NODE_PJRT_ISA", "generic", 1);
  if (forced != 0 || size > 256) return 0;
  fuzz::Input input(data, size);
  ffi_call::Call call = right_call(&input);
  while (!input.is_at_end()) change(&call, &input);
  for (const auto* list : {&call.arguments, &call.results})
    for (const Buffer& buffer : *list)
      if (buffer.bytes() > 1 << 20) return 0;
  const std::string error = call.run();
  if (!error.empty() && error.find("; got ") == std::string::npos && error.find("ttribute") == std::string::npos &&
      error.find("rgument") == std::string::npos) {
    std::fprintf(stderr, "an error says the rule and what came: %s\n", error.c_str());
    std::abort();
  }
  return 0;
}
