#include "decoder.hpp"

#include "ufp/error.hpp"

#include <dlfcn.h>
#include <new>

namespace ufp
{
namespace
{

// libzstd is looked for when a file needs it: every Linux distribution installs it, few its headers. These functions
// and structures of zstd.h have been the same since version 1.0.
struct Buffer {
  const void *data;
  std::size_t size, position;
};
struct RoomBuffer {
  void *data;
  std::size_t size, position;
};

struct Library {
  void *(*create)();
  std::size_t (*free)(void *);
  std::size_t (*decompress)(void *, RoomBuffer *, Buffer *);
  unsigned (*is_error)(std::size_t);
  bool found = false;

  Library()
  {
    void *const handle = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    found = handle != nullptr && load(handle, "ZSTD_createDStream", create) && load(handle, "ZSTD_freeDStream", free) &&
            load(handle, "ZSTD_decompressStream", decompress) && load(handle, "ZSTD_isError", is_error);
  }

  template <typename Function> static bool load(void *handle, const char *name, Function &function)
  {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    return function != nullptr;
  }

  static const Library &get()
  {
    static const Library library;
    return library;
  }
};

struct Free {
  void operator()(void *stream) const { Library::get().free(stream); }
};

// Can be copied only between the frames of the stream, where it has no history: its window may be 8 MiB and more.
class ZstdDecoder final : public Decoder
{
 public:
  ZstdDecoder() = default;
  ZstdDecoder(const ZstdDecoder &other) : Decoder(other) {}

  std::size_t run(const char *input, std::size_t available, char *output, std::size_t room) override
  {
    const Library &library = Library::get();
    if (!stream_) stream_.reset(library.create());
    if (!stream_) throw std::bad_alloc();
    Buffer in{input, available, 0};
    RoomBuffer out{output, room, 0};
    const std::size_t status = library.decompress(stream_.get(), &out, &in);
    consumed += in.position;
    produced += out.position;
    if (library.is_error(status) != 0) {
      broken = true;
    } else if (in.position > 0 || out.position > 0) {
      between_frames_ = status == 0;
    }
    return out.position;
  }

  std::unique_ptr<Decoder> copy() const override
  {
    if (!between_frames_) return nullptr;
    return std::make_unique<ZstdDecoder>(*this);
  }

 private:
  std::unique_ptr<void, Free> stream_;
  bool between_frames_ = true;
};

}  // namespace

std::unique_ptr<Decoder> zstd_decoder(const std::string &path)
{
  if (!Library::get().found) {
    throw ParseError(path, 0, "is zstd compressed, and this machine has no libzstd.so.1; decompress it first");
  }
  return std::make_unique<ZstdDecoder>();
}

}  // namespace ufp
