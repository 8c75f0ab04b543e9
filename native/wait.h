// Waiting on a condition variable without an end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace node_pjrt {

// Not std::condition_variable::wait, which is GLIBCXX_3.4.30 where GCC 12 builds it: the addon would not load on systems of GCC 11, as RHEL 9
// and Amazon Linux 2023. A timed wait is inline.
template <typename Predicate>
void wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, Predicate is_so) {
  while (!changed.wait_for(lock, std::chrono::hours(1), is_so)) {
  }
}

}  // namespace node_pjrt
