// What of this library is there: counts by kind, and bytes, of one Node environment and of the whole process.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace node_pjrt {

// In the order of `kinds` in lib/pjrt/observe/live.ts. `kOther` are handles of a kind without a name here.
enum class Kind { kPlugin, kClient, kTopology, kExecutable, kBuffer, kOther, kView, kHostArray, kOperation };
constexpr size_t kKinds = static_cast<size_t>(Kind::kOperation) + 1;

// What a handle of a type counts as; a specialization stands beside the type.
template <typename T>
inline constexpr Kind kind_of = Kind::kOther;

struct Count {
  std::atomic<int64_t> things{0};
  std::atomic<int64_t> bytes{0};
};
using Counts = std::array<Count, kKinds>;

// Of all environments, those that have ended included: what a plugin still works on outlives them. Never destroyed.
Counts& process_counts();

// Counts for as long as it lives, on any thread.
class Counted {
 public:
  // `counts`: those of an environment, or null for what is the process's alone.
  Counted(std::shared_ptr<Counts> counts, Kind kind, int64_t bytes = 0) : counts_(std::move(counts)), kind_(kind), bytes_(bytes) { add(1); }
  ~Counted() { add(-1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  void add(int64_t sign);

  std::shared_ptr<Counts> counts_;
  Kind kind_;
  int64_t bytes_;
};

}  // namespace node_pjrt
