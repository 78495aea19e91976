#include "decoder.hpp"

#include "ufp/error.hpp"

#ifdef UFP_HAVE_ZLIB

#include <algorithm>
#include <new>

#define ZLIB_CONST
#include <zlib.h>

namespace ufp
{
namespace
{

// Can be copied anywhere: 40 kB with the 32 KiB of history it needs.
class GzipDecoder final : public Decoder
{
 public:
  GzipDecoder()
  {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  GzipDecoder(const GzipDecoder &other) : Decoder(other)
  {
    if (inflateCopy(&stream_, const_cast<z_stream *>(&other.stream_)) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }

  std::size_t run(const char *input, std::size_t available, char *output, std::size_t room) override
  {
    constexpr std::size_t most = std::size_t{1} << 30;
    room = std::min(room, most);
    stream_.next_in = reinterpret_cast<const unsigned char *>(input);
    stream_.avail_in = static_cast<uInt>(available);
    stream_.next_out = reinterpret_cast<unsigned char *>(output);
    stream_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t used = available - stream_.avail_in, made = room - stream_.avail_out;
    consumed += used;
    produced += made;
    if (status == Z_STREAM_END) {
      inflateReset(&stream_);  // an appended run starts another member
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      broken = true;
    }
    return made;
  }

  std::unique_ptr<Decoder> copy() const override { return std::make_unique<GzipDecoder>(*this); }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<Decoder> gzip_decoder(const std::string &)
{
  return std::make_unique<GzipDecoder>();
}

}  // namespace ufp

#else

namespace ufp
{

std::unique_ptr<Decoder> gzip_decoder(const std::string &path)
{
  throw ParseError(path, 0, "is gzip compressed, and this build has no zlib; decompress it first");
}

}  // namespace ufp

#endif
