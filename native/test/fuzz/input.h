// Bytes of a fuzzer as numbers: mostly small ones, since nearly all that is valid is made of those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool is_at_end() const { return at_ == end_; }

  // 0 to 255; 0 where no byte is left.
  int byte() { return is_at_end() ? 0 : *at_++; }

  // From 0 on and below `bound`.
  int below(int bound) { return byte() % bound; }

  // A byte with its sign; after 127, the 8 bytes of any number.
  int64_t word() {
    const auto small = static_cast<int8_t>(byte());
    int64_t word = small;
    if (small == 127 && end_ - at_ >= 8) {
      std::memcpy(&word, at_, 8);
      at_ += 8;
    }
    return word;
  }

  // At most 255 of them.
  std::vector<int64_t> words() {
    std::vector<int64_t> words(static_cast<size_t>(byte()));
    for (int64_t& one : words) one = word();
    return words;
  }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

}  // namespace fuzz
