// Browsers start no worker for a page that is read from a disk: there the search does its work in a hidden frame.

class FrameWorker {
  constructor(url) {
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    this.ready = new Promise((resolve) => {
      this.frame.addEventListener("load", () => this.#begin(url, resolve), { once: true });
    });
    document.body.append(this.frame);
  }

  #begin(url, resolve) {
    const inside = this.frame.contentWindow;
    inside.postMessage = (data) => this.onmessage?.(new MessageEvent("message", { data }));
    const script = inside.document.createElement("script");
    script.onload = () => resolve(inside);
    script.onerror = (event) => this.onerror?.(event);
    script.src = new URL(url, location.href).href;
    inside.document.head.append(script);
  }

  postMessage(data) {
    this.ready.then((inside) => inside.dispatchEvent(new MessageEvent("message", { data })));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") {
  window.Worker = FrameWorker;
}
