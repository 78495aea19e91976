#include "ufp/byte_source.hpp"

#include "ufp/error.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#ifdef UFP_HAVE_ZLIB
#include <zlib.h>
#endif

namespace ufp
{
namespace
{

class FileDescriptor
{
 public:
  explicit FileDescriptor(const std::string &path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
  {
    if (descriptor_ < 0) throw ParseError(path, 0, std::string("cannot be opened: ") + std::strerror(errno));
  }
  ~FileDescriptor() { ::close(descriptor_); }
  FileDescriptor(const FileDescriptor &) = delete;
  FileDescriptor &operator=(const FileDescriptor &) = delete;

  std::size_t read(std::uint64_t offset, void *buffer, std::size_t count) const
  {
    std::size_t done = 0;
    while (done < count) {
      const ssize_t n =
          ::pread(descriptor_, static_cast<char *>(buffer) + done, count - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw ParseError(path_, 0, std::string("cannot be read: ") + std::strerror(errno));
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

 private:
  std::string path_;
  int descriptor_;
};

class PlainSource final : public ByteSource
{
 public:
  explicit PlainSource(const std::string &path) : file_(path) {}
  std::size_t read(std::uint64_t offset, char *buffer, std::size_t count) override
  {
    return file_.read(offset, buffer, count);
  }

 private:
  FileDescriptor file_;
};

#ifdef UFP_HAVE_ZLIB

// State of decompression at one place of the output, copied with the 32 KiB of history it needs.
class Inflater
{
 public:
  Inflater()
  {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater &other) : produced(other.produced), consumed(other.consumed), ended(other.ended)
  {
    if (inflateCopy(&stream_, const_cast<z_stream *>(&other.stream_)) != Z_OK) throw std::bad_alloc();
  }
  Inflater &operator=(const Inflater &) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // Decompresses from `input` to `output`; advances both counters. Returns the number of bytes produced.
  std::size_t run(unsigned char *input, std::size_t available, char *output, std::size_t room)
  {
    stream_.next_in = input;
    stream_.avail_in = static_cast<uInt>(available);
    stream_.next_out = reinterpret_cast<unsigned char *>(output);
    stream_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    const std::size_t used = available - stream_.avail_in, made = room - stream_.avail_out;
    consumed += used;
    produced += made;
    if (status == Z_STREAM_END) {
      inflateReset(&stream_);  // an appended run starts another member
    } else if (status != Z_OK && (status != Z_BUF_ERROR || (used == 0 && made == 0))) {
      ended = true;
    }
    return made;
  }

  std::uint64_t produced = 0, consumed = 0;
  bool ended = false;  // nothing readable follows

 private:
  z_stream stream_{};
};

// Random access by copies of the decompressor's state every `spacing` bytes of output (40 kB each).
class GzipSource final : public ByteSource
{
 public:
  explicit GzipSource(const std::string &path) : file_(path), input_(std::size_t{1} << 16), waste_(std::size_t{1} << 16)
  {
    checkpoints_.push_back(std::make_unique<Inflater>());
    current_ = std::make_unique<Inflater>(*checkpoints_.front());
  }

  std::size_t read(std::uint64_t offset, char *buffer, std::size_t count) override
  {
    restore(offset);
    while (current_->produced < offset) {
      const std::uint64_t skip = offset - current_->produced;
      if (advance(waste_.data(), skip < waste_.size() ? static_cast<std::size_t>(skip) : waste_.size()) == 0) return 0;
    }
    std::size_t done = 0;
    while (done < count) {
      const std::size_t n = advance(buffer + done, count - done);
      if (n == 0) break;
      done += n;
    }
    return done;
  }

 private:
  static constexpr std::uint64_t spacing = std::uint64_t{16} << 20;

  void restore(std::uint64_t offset)
  {
    const std::size_t nearest = std::min(static_cast<std::size_t>(offset / spacing), checkpoints_.size() - 1);
    if (current_->produced <= offset && checkpoints_[nearest]->produced <= current_->produced) return;
    current_ = std::make_unique<Inflater>(*checkpoints_[nearest]);
    input_begin_ = input_end_ = 0;
  }

  // Up to `room` more bytes, never past the next checkpoint; 0 at the end.
  std::size_t advance(char *output, std::size_t room)
  {
    const std::uint64_t next = checkpoints_.size() * spacing;
    if (current_->produced < next) {
      room = static_cast<std::size_t>(std::min<std::uint64_t>(room, next - current_->produced));
    }
    room = std::min(room, std::size_t{1} << 30);
    std::size_t made = 0;
    while (made == 0 && !current_->ended) {
      if (input_begin_ == input_end_) {
        input_begin_ = 0;
        input_end_ = file_.read(current_->consumed, input_.data(), input_.size());
        if (input_end_ == 0) break;
      }
      const std::uint64_t before = current_->consumed;
      made = current_->run(input_.data() + input_begin_, input_end_ - input_begin_, output, room);
      input_begin_ += static_cast<std::size_t>(current_->consumed - before);
    }
    if (current_->produced == next) checkpoints_.push_back(std::make_unique<Inflater>(*current_));
    return made;
  }

  FileDescriptor file_;
  std::vector<unsigned char> input_;
  std::vector<char> waste_;
  std::size_t input_begin_ = 0, input_end_ = 0;
  std::unique_ptr<Inflater> current_;
  std::vector<std::unique_ptr<Inflater>> checkpoints_;  // number i stands at byte i * spacing
};

#endif

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const std::string &path)
{
  unsigned char magic[4] = {0, 0, 0, 0};
  FileDescriptor(path).read(0, magic, sizeof magic);
  if (magic[0] == 0x1f && magic[1] == 0x8b) {
#ifdef UFP_HAVE_ZLIB
    return std::make_unique<GzipSource>(path);
#else
    throw ParseError(path, 0, "is gzip compressed, and this build has no zlib; decompress it first");
#endif
  }
  if (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) {
    throw ParseError(path, 0, "is zstd compressed, which is not read; decompress it with `zstd -d`");
  }
  return std::make_unique<PlainSource>(path);
}

}  // namespace ufp
