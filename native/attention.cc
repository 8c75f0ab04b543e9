#include "attention.h"

#include <algorithm>
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
bool may_use_amx() {
  unsigned a, b, c, d;
  if (!has_avx512_bf16() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return false;
  unsigned low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned config = 1u << 17, data = 1u << 18;
  if ((low & config) == 0 || (low & data) == 0) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, which the headers of old systems lack
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
bool has_amx() {
  static const bool may = may_use_amx();
  return may;
}
#endif

// Fastest first.
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

}  // namespace

const Kernel* select_kernel(const char* isa, std::string* why) {
  const std::string wanted = isa ? isa : "";
  for (const Choice& choice : kChoices) {
    if (!wanted.empty() && wanted != choice.kernel.name) continue;
    if (choice.supported()) return &choice.kernel;
    if (!wanted.empty()) {
      *why = "an instruction set is one that this machine has; got " + wanted;
      return nullptr;
    }
  }
  std::string names;
  for (const Choice& choice : kChoices) names += (names.empty() ? "" : ", ") + std::string(choice.kernel.name);
  *why = "an instruction set is one of " + names + "; got " + wanted;
  return nullptr;
}

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
  for (const Choice& choice : kChoices)
    if (choice.supported()) names.emplace_back(choice.kernel.name);
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
