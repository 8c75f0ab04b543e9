#include "host.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "pjrt.h"

namespace node_pjrt {
namespace {

using std::chrono::steady_clock;

constexpr size_t kLine = 64;
constexpr size_t kStep = size_t{2} << 20;

struct Mapping {
  void* at;
  size_t size;
  bool is_fresh;
};

// Memory that nobody holds at the moment. A thread of its own gives it back: a GiB takes 60 ms.
class Kept {
 public:
  // One of at least `size` bytes, but not of more than twice as many, else none: null.
  Mapping take(size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto best = entries_.end();
    for (auto at = entries_.begin(); at != entries_.end(); at++) {
      const size_t has = at->mapping.size;
      if (has >= size && has <= 2 * size && (best == entries_.end() || has < best->mapping.size)) best = at;
    }
    if (best == entries_.end()) return {nullptr, 0, false};
    const Mapping mapping = best->mapping;
    total_ -= mapping.size;
    entries_.erase(best);
    return mapping;
  }

  void put(const Mapping& mapping) {
    std::lock_guard<std::mutex> lock(mutex_);
    entries_.push_back({{mapping.at, mapping.size, false}, steady_clock::now() + kKeptFor});
    total_ += mapping.size;
    if (!std::exchange(is_running_, true)) std::thread([this] { give_back(); }).detach();
    changed_.notify_all();
  }

 private:
  struct Entry {
    Mapping mapping;
    steady_clock::time_point until;
  };

  void give_back() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!entries_.empty()) {
      const Entry oldest = entries_.front();
      if (total_ <= kKeptBytes && steady_clock::now() < oldest.until) {
        changed_.wait_until(lock, oldest.until);
        continue;
      }
      entries_.pop_front();
      total_ -= oldest.mapping.size;
      lock.unlock();
      unmap(oldest.mapping.at, oldest.mapping.size);
      lock.lock();
    }
    is_running_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;  // the oldest first
  size_t total_ = 0;
  bool is_running_ = false;
};

// Never destroyed: a plugin's thread may let go of memory when the process exits.
Kept& kept() {
  static auto& one = *new Kept;
  return one;
}

size_t rounded(size_t bytes, size_t unit) { return (std::max<size_t>(bytes, 1) + unit - 1) / unit * unit; }

Error no_memory(size_t bytes) {
  return Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, "no memory for an array of " + std::to_string(bytes) + " bytes");
}

Mapping mapped(size_t bytes, Contents contents) {
  const size_t size = rounded(bytes, kPageBytes);
  if (contents == Contents::kAny) {
    if (const Mapping mapping = kept().take(size); mapping.at) return mapping;
  }
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw no_memory(bytes);
  // To fill an array of zeros is cheaper with large pages, where the system has them ready.
  if (contents == Contents::kZeros) madvise(at, size, MADV_HUGEPAGE);
  return {at, size, true};
}

}  // namespace

void unmap(void* at, size_t bytes) noexcept {
  for (size_t done = 0; done < bytes; done += kStep) munmap(static_cast<char*>(at) + done, std::min(kStep, bytes - done));
}

std::shared_ptr<void> host_memory(size_t bytes, Contents contents, bool* is_fresh) {
  if (bytes >= kLargeBytes) {
    const Mapping mapping = mapped(bytes, contents);
    if (is_fresh) *is_fresh = mapping.is_fresh;
    return std::shared_ptr<void>(mapping.at, [mapping](void*) { kept().put(mapping); });
  }
  const size_t size = rounded(bytes, kLine);
  void* at = std::aligned_alloc(kLine, size);
  if (!at) throw no_memory(bytes);
  if (contents == Contents::kZeros) std::memset(at, 0, size);
  return std::shared_ptr<void>(at, std::free);
}

void fetch_pages(void* at, size_t bytes) noexcept {
#ifndef MADV_POPULATE_WRITE
  constexpr int MADV_POPULATE_WRITE = 23;  // since Linux 5.14; the C library's headers may be older
#endif
  // In steps, as above.
  const uintptr_t end = reinterpret_cast<uintptr_t>(at) + bytes;
  for (uintptr_t page = reinterpret_cast<uintptr_t>(at) / kPageBytes * kPageBytes; page < end; page += kStep) {
    if (madvise(reinterpret_cast<void*>(page), std::min<size_t>(kStep, end - page), MADV_POPULATE_WRITE) != 0) return;
  }
}

}  // namespace node_pjrt
