// Decompression of a stream piece by piece (private to the core).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ufp
{

class Decoder
{
 public:
  Decoder() = default;
  virtual ~Decoder() = default;
  Decoder &operator=(const Decoder &) = delete;

  // Decompresses from `input` to `output` and advances both counters; returns the number of bytes produced.
  virtual std::size_t run(const char *input, std::size_t available, char *output, std::size_t room) = 0;
  // The state here, to go on from another time; nullptr where it cannot be kept.
  virtual std::unique_ptr<Decoder> copy() const = 0;

  std::uint64_t produced = 0, consumed = 0;
  bool broken = false;  // nothing readable follows

 protected:
  Decoder(const Decoder &) = default;
};

// Both throw ParseError naming `path` where the library is missing.
std::unique_ptr<Decoder> gzip_decoder(const std::string &path);
std::unique_ptr<Decoder> zstd_decoder(const std::string &path);

}  // namespace ufp
