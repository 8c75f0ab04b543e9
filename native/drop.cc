#include "drop.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "exit.h"
#include "wait.h"

namespace node_pjrt {
namespace {

struct Dropped {
  std::shared_ptr<void> object;
  std::unique_ptr<InFlight> in_flight;  // an exit waits for it
};

class Dropper {
 public:
  Dropper() {
    std::thread([this] { work(); }).detach();
  }

  void drop(std::shared_ptr<void> object) {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back({std::move(object), std::make_unique<InFlight>()});
    unfinished_++;
    changed_.notify_all();
  }

  void await() {
    std::unique_lock<std::mutex> lock(mutex_);
    wait_until(changed_, lock, [this] { return unfinished_ == 0; });
  }

 private:
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wait_until(changed_, lock, [this] { return !queue_.empty(); });
      Dropped next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      next.object.reset();
      next.in_flight.reset();
      lock.lock();
      unfinished_--;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Dropped> queue_;
  size_t unfinished_ = 0;
};

// Made when it is first needed, and never destroyed: its thread goes with the process.
Dropper& dropper() {
  static auto& one = *new Dropper;
  return one;
}

}  // namespace

void drop_elsewhere(std::shared_ptr<void> object) { dropper().drop(std::move(object)); }
void await_drops() { dropper().await(); }

}  // namespace node_pjrt
