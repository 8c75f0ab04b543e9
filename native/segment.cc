#include "segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "host.h"
#include "pjrt.h"

namespace node_pjrt {
namespace {

using std::chrono::steady_clock;

// The last page of the file. The process that has received the memory writes `is_free`, and the one that made it looks.
struct Trailer {
  std::atomic<uint32_t> is_free;
  uint64_t bytes;
};
static_assert(std::atomic<uint32_t>::is_always_lock_free, "it is between processes");

[[noreturn]] void fail(const char* call) {
  throw Error(PJRT_Error_Code_RESOURCE_EXHAUSTED, std::string("memory for two processes: ") + call + ": " + std::strerror(errno));
}

size_t file_size(size_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes + kPageBytes; }

Trailer& trailer_of(void* at, size_t size) { return *reinterpret_cast<Trailer*>(static_cast<char*>(at) + size - kPageBytes); }

int new_file(size_t size) {
  const int file = memfd_create("node-pjrt", MFD_CLOEXEC);
  if (file < 0) fail("memfd_create");
  if (ftruncate(file, static_cast<off_t>(size)) == 0) return file;
  close(file);
  fail("ftruncate");
}

void* map(int file, size_t size) {
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (at == MAP_FAILED) fail("mmap");
  return at;
}

}  // namespace

struct Entry {
  int file;
  void* at;
  size_t size;
  bool is_held = true;    // by a Segment
  pid_t lent_to = 0;      // whose it is then, or 0
  steady_clock::time_point free_since{};

  Trailer& trailer() const { return trailer_of(at, size); }
  bool is_free() const { return !is_held && trailer().is_free.load(std::memory_order_acquire) != 0; }
  void end() {
    unmap(at, size);
    close(file);
  }
};

namespace {

// The large ones. A thread of its own gives back what is not used any more.
class Kept {
 public:
  // One that is free, of at least `size` bytes, but not of more than twice as many; else null.
  Entry* take(size_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Entry& entry : entries_) {
      if (!entry.is_free() || entry.size < size || entry.size > 2 * size) continue;
      entry.is_held = true;
      entry.lent_to = 0;
      entry.free_since = {};
      entry.trailer().is_free.store(0, std::memory_order_relaxed);
      return &entry;
    }
    return nullptr;
  }

  Entry* add(const Entry& entry) {
    std::lock_guard<std::mutex> lock(mutex_);
    entries_.push_back(entry);
    if (!std::exchange(is_running_, true)) std::thread([this] { give_back(); }).detach();
    return &entries_.back();
  }

  void let_go(Entry* entry) {
    std::lock_guard<std::mutex> lock(mutex_);
    entry->is_held = false;
    if (!entry->lent_to) entry->trailer().is_free.store(1, std::memory_order_release);
  }

  void lend(Entry* entry, pid_t to) {
    std::lock_guard<std::mutex> lock(mutex_);
    entry->lent_to = to;
  }

  void forget(pid_t process) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Entry& entry : entries_) {
      if (entry.lent_to != process) continue;
      entry.lent_to = 0;
      if (!entry.is_held) entry.trailer().is_free.store(1, std::memory_order_release);
    }
  }

 private:
  void give_back() {
    for (;;) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      std::list<Entry> unused;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        const auto now = steady_clock::now();
        size_t free = 0;
        for (auto at = entries_.begin(); at != entries_.end();) {
          const auto one = at++;
          if (!one->is_free()) continue;
          if (one->free_since == steady_clock::time_point{}) one->free_since = now;
          free += one->size;
          if (now - one->free_since > kKeptFor || free > kKeptBytes) unused.splice(unused.end(), entries_, one);
        }
        if (entries_.empty()) is_running_ = false;
      }
      for (Entry& entry : unused) entry.end();
      std::lock_guard<std::mutex> lock(mutex_);
      if (!is_running_) return;
    }
  }

  std::mutex mutex_;
  std::list<Entry> entries_;
  bool is_running_ = false;
};

// Never destroyed: its thread may be at work when the process exits.
Kept& kept() {
  static auto& one = *new Kept;
  return one;
}

}  // namespace

Segment::Segment(size_t bytes) {
  const size_t size = file_size(bytes);
  entry_ = size >= kLargeBytes ? kept().take(size) : nullptr;
  is_fresh_ = !entry_;
  if (is_fresh_) {
    Entry entry{};
    entry.file = new_file(size);
    entry.size = size;
    try {
      entry.at = map(entry.file, size);
    } catch (const Error&) {
      close(entry.file);
      throw;
    }
    entry_ = size >= kLargeBytes ? kept().add(entry) : new Entry(entry);
  }
  entry_->trailer().bytes = bytes;
}

Segment::~Segment() {
  if (entry_->size >= kLargeBytes) {
    kept().let_go(entry_);
  } else {
    entry_->end();
    delete entry_;
  }
}

void* Segment::at() const { return entry_->at; }

int Segment::lend(pid_t to) {
  const int file = fcntl(entry_->file, F_DUPFD_CLOEXEC, 0);
  if (file < 0) fail("fcntl");
  if (entry_->size >= kLargeBytes) kept().lend(entry_, to);
  return file;
}

Received receive(int file) {
  struct stat facts;
  if (fstat(file, &facts) != 0) fail("fstat");
  const auto size = static_cast<size_t>(facts.st_size);
  void* at = map(file, size);
  std::shared_ptr<void> memory(at, [size](void* at) {
    trailer_of(at, size).is_free.store(1, std::memory_order_release);
    unmap(at, size);
  });
  return {std::move(memory), static_cast<size_t>(trailer_of(at, size).bytes)};
}

int share(const void* bytes, size_t size) {
  const int file = new_file(file_size(size));
  const auto put = [&](const void* from, size_t length, size_t offset) {
    for (size_t done = 0; done < length;) {
      const size_t part = std::min(length - done, size_t{1} << 30);
      const ssize_t written = pwrite(file, static_cast<const char*>(from) + done, part, static_cast<off_t>(offset + done));
      if (written < 0 && errno != EINTR) {
        close(file);
        fail("pwrite");
      }
      done += static_cast<size_t>(std::max<ssize_t>(written, 0));
    }
  };
  put(bytes, size, 0);
  const uint64_t trailer[2] = {0, size};
  put(trailer, sizeof(trailer), file_size(size) - kPageBytes);
  return file;
}

void forget(pid_t process) { kept().forget(process); }

}  // namespace node_pjrt
