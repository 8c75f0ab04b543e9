// The custom calls on XLA's pool of threads, several at the same time, without XLA: each gives the same to the bit as one alone. To be run
// under ThreadSanitizer.   pool_test [rounds]
#include <cstdio>
#include <random>

#include "ffi_call.h"

namespace {

ffi_call::Call call_of(bool backward) {
  constexpr int64_t heads = 4, tokens = 300, dim = 16;
  const std::vector<int64_t> array{1, heads, tokens, dim}, rows{1, heads, tokens};
  ffi_call::Call call;
  call.target = backward ? "node_pjrt_attention_backward" : "node_pjrt_attention";
  for (int n = 0; n < 3; n++) call.arguments.emplace_back(XLA_FFI_DataType_F32, array);
  if (backward) {
    call.arguments.emplace_back(XLA_FFI_DataType_F32, array);
    call.arguments.emplace_back(XLA_FFI_DataType_F32, rows);
    call.arguments.emplace_back(XLA_FFI_DataType_F32, array);
  }
  for (int n = 0; n < (backward ? 3 : 1); n++) call.results.emplace_back(XLA_FFI_DataType_F32, array);
  call.scale = 0.25;
  call.planes = {1, 1, 1, 1, 0, -1, -1, 1, 0, tokens, 1, 0, 0, 1, 1};  // causal
  call.head_planes = {0};
  return call;
}

// The results' bytes, one after another; `failures` counts errors.
std::string results_of(bool backward, std::atomic<int>* failures) {
  ffi_call::Call call = call_of(backward);
  call.fill = [](ffi_call::Buffer* buffer, size_t number) {
    std::mt19937 random(static_cast<unsigned>(number));
    auto* values = reinterpret_cast<float*>(buffer->memory.get());
    for (size_t n = 0; n < buffer->bytes() / sizeof(float); n++) values[n] = static_cast<float>(random() % 2000) / 1000 - 1;
  };
  const std::string error = call.run();
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    ++*failures;
  }
  std::string bytes;
  for (ffi_call::Buffer& result : call.results) bytes.append(reinterpret_cast<char*>(result.memory.get()), result.bytes());
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  setenv("NODE_PJRT_ISA", "generic", 1);
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  std::atomic<int> failures{0};
  const std::string alone[] = {results_of(false, &failures), results_of(true, &failures)};
  std::vector<std::thread> callers;
  for (int n = 0; n < 3; n++)
    callers.emplace_back([&, n] {
      for (int round = 0; round < rounds; round++) {
        const bool backward = (n + round) % 2 != 0;
        if (results_of(backward, &failures) != alone[backward]) ++failures;
      }
    });
  for (std::thread& caller : callers) caller.join();
  std::printf("%d calls, %d failures\n", 3 * rounds, failures.load());
  return failures == 0 ? 0 : 1;
}
