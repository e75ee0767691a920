#include "decision_log/compression.h"

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "decision_log/log_format.h"

namespace fulcrum::decision_log {
namespace {

// With a dictionary, the fast levels lose little and take a fifth of the time of level 1.
constexpr int kLevel = -3;
// Shorter payloads do not get smaller.
constexpr size_t kCompressedMin = 64;
// Of a payload, what compression must save.
constexpr size_t kSavedShare = 4;  // a quarter
constexpr int kMissesMax = 4;
constexpr int kSkipped = 60;

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CDict* dictionary) const { ZSTD_freeCDict(dictionary); }
  void operator()(ZSTD_DDict* dictionary) const { ZSTD_freeDDict(dictionary); }
};

}  // namespace

struct PayloadCompressor::State {
  std::unique_ptr<ZSTD_CCtx, Free> context{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_CDict, Free> dictionary;
  std::string stored;
};

PayloadCompressor::PayloadCompressor() : state_(std::make_unique<State>()) {
  FULCRUM_CHECK(state_->context != nullptr);
}
PayloadCompressor::~PayloadCompressor() = default;

void PayloadCompressor::SetDictionary(std::string_view dictionary) {
  dictionary_ = dictionary;
  misses_ = 0;
  skipping_ = 0;
  dictionary_tag_ = dictionary.empty() ? uint16_t{0} : DictionaryTag(dictionary);
  state_->dictionary.reset();
  if (dictionary_.empty()) return;
  state_->dictionary.reset(ZSTD_createCDict(dictionary_.data(), dictionary_.size(), kLevel));
  FULCRUM_CHECK(state_->dictionary != nullptr);
}

std::string_view PayloadCompressor::Compress(std::string_view payload, uint8_t* flags) {
  *flags = 0;
  if (payload.size() < kCompressedMin) return payload;
  if (skipping_ > 0) {
    --skipping_;
    return payload;
  }
  const std::string_view stored = Try(payload, flags);
  misses_ = *flags == 0 ? misses_ + 1 : 0;
  if (misses_ == kMissesMax) {
    misses_ = 0;
    skipping_ = kSkipped;
  }
  return stored;
}

std::string_view PayloadCompressor::Try(std::string_view payload, uint8_t* flags) {
  std::string& stored = state_->stored;
  stored.resize(ZSTD_compressBound(payload.size()));
  const size_t size =
      state_->dictionary != nullptr
          ? ZSTD_compress_usingCDict(state_->context.get(), stored.data(), stored.size(),
                                     payload.data(), payload.size(), state_->dictionary.get())
          : ZSTD_compressCCtx(state_->context.get(), stored.data(), stored.size(), payload.data(),
                              payload.size(), kLevel);
  if (ZSTD_isError(size) != 0 || size > payload.size() - payload.size() / kSavedShare)
    return payload;
  *flags = kFlagCompressed | (state_->dictionary != nullptr ? kFlagDictionary : 0);
  return std::string_view(stored).substr(0, size);
}

struct PayloadDecompressor::State {
  std::unique_ptr<ZSTD_DCtx, Free> context;  // made when it is needed: most scanners never do
  std::unique_ptr<ZSTD_DDict, Free> dictionary;
  std::string payload;
};

PayloadDecompressor::PayloadDecompressor() : state_(std::make_unique<State>()) {}
PayloadDecompressor::~PayloadDecompressor() = default;

absl::Status PayloadDecompressor::SetDictionary(std::string_view dictionary) {
  state_->dictionary.reset(ZSTD_createDDict(dictionary.data(), dictionary.size()));
  dictionary_tag_ = state_->dictionary == nullptr ? uint16_t{0} : DictionaryTag(dictionary);
  if (state_->dictionary != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError("the segment's dictionary is none");
}

absl::StatusOr<std::string_view> PayloadDecompressor::Decompress(std::string_view stored,
                                                                 uint8_t flags) {
  if ((flags & kFlagCompressed) == 0) return stored;
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > kPayloadBytesMax) {
    return absl::DataLossError("the record's payload is no zstd frame of a legal size");
  }
  const bool needs_dictionary = (flags & kFlagDictionary) != 0;
  if (needs_dictionary && state_->dictionary == nullptr) {
    return absl::DataLossError("the record needs the segment's dictionary, which is not readable");
  }
  if (state_->context == nullptr) state_->context.reset(ZSTD_createDCtx());
  FULCRUM_CHECK(state_->context != nullptr);
  std::string& payload = state_->payload;
  payload.resize(size);
  const size_t got =
      needs_dictionary
          ? ZSTD_decompress_usingDDict(state_->context.get(), payload.data(), payload.size(),
                                       stored.data(), stored.size(), state_->dictionary.get())
          : ZSTD_decompressDCtx(state_->context.get(), payload.data(), payload.size(),
                                stored.data(), stored.size());
  if (ZSTD_isError(got) != 0 || got != size) {
    return absl::DataLossError("the record's payload cannot be decompressed");
  }
  return std::string_view(payload);
}

}  // namespace fulcrum::decision_log
