/* A camera for a program that is started with this in LD_PRELOAD: what the kernel's Video4Linux answers, for one device in one format.
 *   FAKE_CAMERA          the path of the device
 *   FAKE_CAMERA_FORMAT   four letters, width, height, bytes a row: "YUYV 1280 720 2560"
 *   FAKE_CAMERA_FRAMES   a file: for each picture its length (four bytes, little endian) and its bytes; after the last it begins again
 *   FAKE_CAMERA_TROUBLE  denied, busy, metadata, silent, or a number of pictures after which it is pulled out
 * The device is a file in memory, so that mapping it and waiting for it are the kernel's own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUFFER = 4 << 20, BUFFERS = 8 };
static int camera = -1, queued[BUFFERS], waiting, streaming, gone, shown;
static FILE *frames;

static const char *trouble(void) {
    const char *text = getenv("FAKE_CAMERA_TROUBLE");
    return text ? text : "";
}

static int fail(int error) {
    errno = error;
    return -1;
}

static int opened(void) {
    if (!strcmp(trouble(), "denied")) return fail(EACCES);
    frames = fopen(getenv("FAKE_CAMERA_FRAMES"), "rb");
    camera = memfd_create("camera", 0);
    if (!frames || camera < 0 || ftruncate(camera, (off_t)BUFFER * BUFFERS)) abort();
    waiting = streaming = gone = shown = 0;
    return camera;
}

static void format(struct v4l2_pix_format *pix) {
    char letters[5];
    memset(pix, 0, sizeof *pix);
    if (sscanf(getenv("FAKE_CAMERA_FORMAT"), "%4s %u %u %u", letters, &pix->width, &pix->height, &pix->bytesperline) != 4) abort();
    pix->pixelformat = v4l2_fourcc(letters[0], letters[1], letters[2], letters[3]);
    pix->sizeimage = BUFFER;
}

/* The next picture, into the buffer that has waited longest. */
static int dequeue(struct v4l2_buffer *buffer) {
    unsigned char length[4];
    static char bytes[BUFFER];
    if (!streaming || !waiting) return fail(EAGAIN);
    if (atoi(trouble()) && shown++ == atoi(trouble())) gone = 1;
    if (gone) return fail(ENODEV);
    usleep(20000);
    if (fread(length, 1, 4, frames) != 4) {
        rewind(frames);
        if (fread(length, 1, 4, frames) != 4) abort();
    }
    buffer->index = queued[0];
    buffer->bytesused = length[0] | length[1] << 8 | length[2] << 16 | (unsigned)length[3] << 24;
    if (fread(bytes, 1, buffer->bytesused, frames) != buffer->bytesused) abort();
    if (pwrite(camera, bytes, buffer->bytesused, (off_t)buffer->index * BUFFER) < 0) abort();
    memmove(queued, queued + 1, sizeof queued - sizeof *queued);
    waiting--;
    return 0;
}

static int answer(unsigned long request, void *argument) {
    struct v4l2_requestbuffers *wanted = argument;
    struct v4l2_buffer *buffer = argument;
    struct v4l2_format *set = argument;
    if (gone) return fail(ENODEV);
    switch (request) {
    case VIDIOC_S_FMT:
        if (!strcmp(trouble(), "busy")) return fail(EBUSY);
        /* fall through */
    case VIDIOC_G_FMT:
        if (set->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || !strcmp(trouble(), "metadata")) return fail(EINVAL);
        format(&set->fmt.pix);
        return 0;
    case VIDIOC_REQBUFS:
        if (streaming) return fail(EBUSY);
        if (wanted->count > BUFFERS) wanted->count = BUFFERS;
        return 0;
    case VIDIOC_QUERYBUF:
        if (buffer->index >= BUFFERS) return fail(EINVAL);
        buffer->length = BUFFER;
        buffer->m.offset = buffer->index * BUFFER;
        return 0;
    case VIDIOC_QBUF:
        for (int at = 0; at < waiting; at++)
            if (queued[at] == (int)buffer->index) return fail(EINVAL);
        if (waiting == BUFFERS) return fail(EINVAL);
        queued[waiting++] = buffer->index;
        return 0;
    case VIDIOC_DQBUF:
        return dequeue(buffer);
    case VIDIOC_STREAMON:
        streaming = 1;
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = waiting = 0;
        return 0;
    default:
        return fail(ENOTTY);
    }
}

typedef int opener(const char *, int, ...);

int open(const char *path, int flags, ...) {
    const char *device = getenv("FAKE_CAMERA");
    if (device && !strcmp(path, device)) return opened();
    va_list more;
    va_start(more, flags);
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0;
    va_end(more);
    return ((opener *)dlsym(RTLD_NEXT, "open"))(path, flags, mode);
}

int poll(struct pollfd *files, nfds_t count, int milliseconds) {
    if (count == 1 && camera >= 0 && files->fd == camera && !strcmp(trouble(), "silent")) {
        usleep((useconds_t)milliseconds * 1000);
        return 0;
    }
    return ((int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll"))(files, count, milliseconds);
}

long syscall(long number, ...) {
    long a[6];
    va_list more;
    va_start(more, number);
    for (int at = 0; at < 6; at++) a[at] = va_arg(more, long);
    va_end(more);
    if (number == SYS_ioctl && camera >= 0 && (int)a[0] == camera) return answer((unsigned long)a[1], (void *)a[2]);
    return ((long (*)(long, ...))dlsym(RTLD_NEXT, "syscall"))(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
