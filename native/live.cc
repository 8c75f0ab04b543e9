#include "live.h"

namespace node_pjrt {

Counts& process_counts() {
  static auto& counts = *new Counts;
  return counts;
}

void Counted::add(int64_t sign) {
  for (Counts* counts : {counts_.get(), &process_counts()}) {
    if (!counts) continue;
    Count& count = (*counts)[static_cast<size_t>(kind_)];
    count.things.fetch_add(sign, std::memory_order_relaxed);
    count.bytes.fetch_add(sign * bytes_, std::memory_order_relaxed);
  }
}

}  // namespace node_pjrt
