// Memory that two processes have: a file without a name, which goes with the last descriptor or mapping of it, whatever becomes of either.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

namespace node_pjrt {

struct Entry;

// Memory that this process makes and fills, and another one reads then. What nobody has any more of 4 MiB and more is kept for some seconds:
// the next one has its pages already, which take most of the time.
class Segment {
 public:
  explicit Segment(size_t bytes);
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  void* at() const;
  // Whether the system has yet to fetch its pages.
  bool is_fresh() const { return is_fresh_; }
  // A descriptor for a process, whose it is from here on: nothing is written any more.
  int lend(pid_t to);

 private:
  Entry* entry_;
  bool is_fresh_;
};

// Memory of another process. To let go of it tells that process.
struct Received {
  std::shared_ptr<void> memory;
  size_t bytes;
};
Received receive(int file);

// A descriptor of memory with these bytes, which are written and not mapped: that takes fewer page faults.
int share(const void* bytes, size_t size);

// A process has ended: what it had is free.
void forget(pid_t process);

}  // namespace node_pjrt
