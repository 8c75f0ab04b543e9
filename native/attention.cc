#include "attention.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "attention_kernel.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#ifdef ATTENTION_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace attention {
namespace {

struct Choice {
  const Kernel& kernel;
  bool (*supported)();
};

#if defined(__x86_64__)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
#endif

#ifdef ATTENTION_AMX
// Whether there are tiles and products of bf16 in them, the system keeps them, and it lets this process have them: not where a thread's
// signal stack has no room for them.
bool has_amx() {
  unsigned a, b, c, d;
  if (!has_avx512_bf16() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return false;
  unsigned low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned config = 1u << 17, data = 1u << 18;
  if ((low & config) == 0 || (low & data) == 0) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, which the headers of old systems lack
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

const Choice kChoices[] = {
#if defined(__x86_64__)
#ifdef ATTENTION_AMX
    {avx512_amx_kernel, has_amx},
#endif
    {avx512_bf16_kernel, has_avx512_bf16},
    {avx512_kernel, has_avx512},
    {avx2_kernel, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
#elif defined(__aarch64__)
    {neon_bf16_kernel, [] { return (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0; }},
#endif
    {generic_kernel, [] { return true; }},
};

std::vector<const Kernel*> find_kernels() {
  std::vector<const Kernel*> found;
  for (const Choice& choice : kChoices)
    if (choice.supported()) found.push_back(&choice.kernel);
#if defined(__x86_64__)
  // Intel's cores do a product of bf16 pairs in the time of four of f32, AMD's in the time of one: on a Xeon (Emerald Rapids) causal bf16
  // attention took avx512_bf16 462 ms and avx512 354, decoding with 16 queries 120 and 72.
  const auto pairs = std::find(found.begin(), found.end(), &avx512_bf16_kernel);
  if (pairs != found.end() && __builtin_cpu_is("intel")) std::iter_swap(pairs, pairs + 1);
#endif
  return found;
}

// Those that this machine can run, fastest first. Looked for once: each run of an attention chooses.
const std::vector<const Kernel*>& kernels() {
  static const auto& found = *new std::vector<const Kernel*>(find_kernels());
  return found;
}

}  // namespace

const Kernel* select_kernel(const char* isa, std::string* why) {
  const std::string wanted = isa ? isa : "";
  if (wanted.empty()) return kernels().front();
  for (const Kernel* kernel : kernels())
    if (wanted == kernel->name) return kernel;
  std::string names;
  for (const Choice& choice : kChoices) {
    if (wanted == choice.kernel.name) {
      *why = "an instruction set is one that this machine has; got " + wanted;
      return nullptr;
    }
    names += (names.empty() ? "" : ", ") + std::string(choice.kernel.name);
  }
  *why = "an instruction set is one of " + names + "; got " + wanted;
  return nullptr;
}

const Kernel& chosen_kernel() {
  std::string why;
  const Kernel* kernel = select_kernel(std::getenv("NODE_PJRT_ISA"), &why);
  if (!kernel) throw std::invalid_argument("NODE_PJRT_ISA: " + why);
  return *kernel;
}

const char* name_of(const Kernel& kernel) { return kernel.name; }

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
  for (const Kernel* kernel : kernels()) names.emplace_back(kernel->name);
  return names;
}

Sight::Sight(const Problem& problem, Mask mask, const Inputs& inputs) : problem_(problem), mask_(std::move(mask)), inputs_(inputs) {
  if (mask_.has_segments)
    for (int64_t n = 0; n < problem_.batch; n++) kv_ids_.emplace_back(inputs_.kv_segments + n * problem_.keys, problem_.keys);
}

View Sight::view(int64_t sequence, const Plane& plane) const {
  View view{&plane, problem_.keys, problem_.keys, nullptr, nullptr, nullptr};
  if (mask_.has_lengths) view.length = std::clamp<int64_t>(inputs_.key_lengths[sequence], 0, problem_.keys);
  if (mask_.has_segments) {
    view.q_segments = inputs_.q_segments + sequence * problem_.queries;
    view.kv_segments = inputs_.kv_segments + sequence * problem_.keys;
    view.kv_ids = &kv_ids_[static_cast<size_t>(sequence)];
  }
  return view;
}

}  // namespace attention
