#include "exit.h"

#include <cstdlib>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace node_pjrt {
namespace {

// Never destroyed: plugin threads may outlive static destructors.
struct Counter {
  std::mutex mutex;
  std::condition_variable idle;
  int running = 0;
};

Counter& counter() {
  static auto& instance = *new Counter;
  return instance;
}

std::atomic<bool> leaving{false};

}  // namespace

InFlight::InFlight() {
  std::lock_guard<std::mutex> lock(counter().mutex);
  counter().running++;
}

InFlight::~InFlight() {
  std::lock_guard<std::mutex> lock(counter().mutex);
  if (--counter().running == 0) counter().idle.notify_all();
}

bool exiting() { return leaving; }

void drain(void (*cancel)()) {
  if (leaving.exchange(true)) return;
  cancel();
  std::unique_lock<std::mutex> lock(counter().mutex);
  counter().idle.wait_for(lock, kEndLimit, [] { return counter().running == 0; });
  skip_destructors();
}

void skip_destructors() {
  // Registered this late, it runs before every destructor that a plugin has registered so far.
  on_exit(
      [](int status, void*) {
        std::lock_guard<std::mutex> lock(counter().mutex);
        if (counter().running > 0) _exit(status);
      },
      nullptr);
}

}  // namespace node_pjrt
