// Zero-initialised memory aligned to a cache line, for vectors of every instruction set.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace ufp
{

template <class T> class AlignedArray
{
  static_assert(std::is_trivial_v<T>);

 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t size) : size_(size)
  {
    const std::size_t bytes = (size * sizeof(T) + 64) / 64 * 64;
    data_.reset(static_cast<T *>(::operator new(bytes, std::align_val_t{64})));
    std::memset(data_.get(), 0, bytes);
  }
  T *data() { return data_.get(); }
  const T *data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T &operator[](std::size_t i) { return data_.get()[i]; }

 private:
  struct Release {
    void operator()(T *p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  std::unique_ptr<T, Release> data_;
  std::size_t size_ = 0;
};

}  // namespace ufp
